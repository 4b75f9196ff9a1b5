"""What the modules beside this one read: tf.Examples with x, color and the label y."""

import tensorflow as tf

SPEC = {
    "x": tf.io.FixedLenFeature([1], tf.float32),
    "color": tf.io.FixedLenFeature([1], tf.int64),
}


def read(patterns, batch_size):
    files = [file for pattern in patterns for file in tf.io.gfile.glob(pattern)]
    dataset = tf.data.TFRecordDataset(files, "GZIP").repeat().batch(batch_size, drop_remainder=True)

    def parse(records):
        features = tf.io.parse_example(records, {**SPEC, "y": tf.io.FixedLenFeature([1], tf.int64)})
        return features, features.pop("y")

    return dataset.map(parse)


def columns():
    color = tf.feature_column.categorical_column_with_identity("color", 4)
    return [
        tf.feature_column.numeric_column("x"),
        tf.feature_column.embedding_column(color, 2),
    ]


def specs(estimator, fn_args, batch_size=10):
    """What a `trainer_fn` returns."""
    receiver = tf.estimator.export.build_parsing_serving_input_receiver_fn(SPEC)
    return {
        "estimator": estimator,
        "train_spec": tf.estimator.TrainSpec(
            lambda: read(fn_args.train_files, batch_size), max_steps=fn_args.train_steps
        ),
        "eval_spec": tf.estimator.EvalSpec(
            lambda: read(fn_args.eval_files, batch_size),
            steps=2,
            exporters=[tf.estimator.FinalExporter("served", receiver)],
        ),
    }
