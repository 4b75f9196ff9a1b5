"""`trainer_fn` with a strategy of its own, for processes that share the work."""

import tensorflow as tf
from tensorflow import estimator as tf_estimator

SPEC = {
    "x": tf.io.FixedLenFeature([1], tf.float32),
    "y": tf.io.FixedLenFeature([1], tf.int64),
}


def _input_fn(patterns, input_context=None):
    files = [file for pattern in patterns for file in tf.io.gfile.glob(pattern)]
    records = tf.data.TFRecordDataset(files, "GZIP")
    if input_context is not None:
        records = records.shard(input_context.num_input_pipelines, input_context.input_pipeline_id)

    def parse(batch):
        features = tf.io.parse_example(batch, SPEC)
        return features, features.pop("y")

    return records.repeat().batch(32).map(parse)


def trainer_fn(fn_args, schema):
    config = tf_estimator.RunConfig(
        fn_args.serving_model_dir,
        save_checkpoints_steps=4,
        train_distribute=tf.distribute.MultiWorkerMirroredStrategy(),
    )
    estimator = tf_estimator.LinearClassifier(
        [tf.feature_column.numeric_column("x")], config=config
    )
    receiver_fn = tf_estimator.export.build_parsing_serving_input_receiver_fn({"x": SPEC["x"]})

    def train_input_fn(input_context=None):
        return _input_fn(fn_args.train_files, input_context)

    return {
        "estimator": estimator,
        "train_spec": tf_estimator.TrainSpec(train_input_fn, max_steps=fn_args.train_steps),
        "eval_spec": tf_estimator.EvalSpec(
            lambda: _input_fn(fn_args.eval_files),
            steps=2,
            exporters=[tf_estimator.FinalExporter("serving", receiver_fn)],
        ),
    }
