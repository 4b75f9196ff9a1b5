"""`run_fn` with an estimator, trained and exported by the module itself."""

import json
import os

import tensorflow as tf
from tensorflow import estimator as tf_estimator
from tfx.components.trainer.fn_args_utils import FnArgs

SPEC = {
    "x": tf.io.FixedLenFeature([1], tf.float32),
    "y": tf.io.FixedLenFeature([1], tf.int64),
}


def _input_fn(patterns):
    files = [file for pattern in patterns for file in tf.io.gfile.glob(pattern)]
    dataset = tf.data.TFRecordDataset(files, "GZIP").repeat().batch(32)

    def parse(records):
        features = tf.io.parse_example(records, SPEC)
        return features, features.pop("y")

    return dataset.map(parse)


def run_fn(fn_args: FnArgs):
    estimator = tf_estimator.LinearClassifier(
        [tf.feature_column.numeric_column("x")], model_dir=fn_args.model_run_dir
    )
    estimator.train(lambda: _input_fn(fn_args.train_files), steps=fn_args.train_steps)
    receiver_fn = tf_estimator.export.build_parsing_serving_input_receiver_fn({"x": SPEC["x"]})
    staging = f"{fn_args.model_run_dir}/export"
    exported = estimator.export_saved_model(staging, receiver_fn)
    tf.io.gfile.makedirs(f"{fn_args.serving_model_dir}/..")
    tf.io.gfile.rename(os.fsdecode(exported), fn_args.serving_model_dir)
    with tf.io.gfile.GFile(f"{fn_args.model_run_dir}/seen.json", "w") as file:
        seen = {"custom": fn_args.custom_config, "values": fn_args.hyperparameters}
        file.write(json.dumps(seen))
