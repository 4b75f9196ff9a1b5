"""`trainer_fn` whose model is served raw tensors, as clients that send JSON have them."""

import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow import estimator as tf_estimator

SPEC = {
    "x": tf.io.FixedLenFeature([1], tf.float32),
    "y": tf.io.FixedLenFeature([1], tf.int64),
}


def input_fn(patterns):
    files = [file for pattern in patterns for file in tf.io.gfile.glob(pattern)]

    def parse(records):
        features = tf.io.parse_example(records, SPEC)
        return features, features.pop("y")

    return tf.data.TFRecordDataset(files, "GZIP").repeat().batch(32).map(parse)


def serving_receiver_fn():
    raw = {"x": tf.compat.v1.placeholder(tf.float32, [None, 1])}
    return tf_estimator.export.ServingInputReceiver(raw, raw)


def eval_receiver_fn():
    records = tf.compat.v1.placeholder(tf.string, [None])
    features = tf.io.parse_example(records, SPEC)
    return tfma.export.EvalInputReceiver(
        features=features, labels=features["y"], receiver_tensors={"examples": records}
    )


def make_estimator(model_dir):
    return tf_estimator.LinearClassifier(
        [tf.feature_column.numeric_column("x")], model_dir=model_dir
    )


def trainer_fn(fn_args, schema):
    return {
        "estimator": make_estimator(fn_args.serving_model_dir),
        "train_spec": tf_estimator.TrainSpec(
            lambda: input_fn(fn_args.train_files), max_steps=fn_args.train_steps
        ),
        "eval_spec": tf_estimator.EvalSpec(
            lambda: input_fn(fn_args.eval_files),
            steps=fn_args.eval_steps,
            exporters=[tf_estimator.FinalExporter("raw", serving_receiver_fn)],
        ),
        "eval_input_receiver_fn": eval_receiver_fn,
    }
