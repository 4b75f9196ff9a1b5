"""A TF-Ranking estimator over ExampleListWithContext, with an input function of its own."""

import tensorflow as tf
import tensorflow_ranking as tfr

EXAMPLE = {"x": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0])}
LABEL = {"relevance": tf.io.FixedLenFeature([1], tf.int64, default_value=[-1])}


def read(patterns):
    files = [file for pattern in patterns for file in tf.io.gfile.glob(pattern)]
    records = tf.data.TFRecordDataset(files, "GZIP").repeat().batch(5)
    parse = tfr.data.make_parsing_fn(
        tfr.data.ELWC, list_size=4, example_feature_spec={**EXAMPLE, **LABEL}
    )

    def split(records):
        features = parse(records)
        return features, tf.cast(tf.squeeze(features.pop("relevance"), axis=2), tf.float32)

    return records.map(split)


def trainer_fn(fn_args, schema):
    estimator = tfr.estimator.make_dnn_ranking_estimator(
        example_feature_columns={"x": tf.feature_column.numeric_column("x")},
        hidden_units=[4],
        activation_fn=tf.nn.tanh,  # With ReLU four units may all be dead: equal scores.
        loss="approx_ndcg_loss",
        model_dir=fn_args.model_run_dir,
    )
    # The library scores the items of a list one by one when it serves.
    receiver = tf.estimator.export.build_parsing_serving_input_receiver_fn(EXAMPLE)
    return {
        "estimator": estimator,
        "train_spec": tf.estimator.TrainSpec(
            lambda: read(fn_args.train_files), max_steps=fn_args.train_steps
        ),
        "eval_spec": tf.estimator.EvalSpec(
            lambda: read(fn_args.eval_files),
            steps=2,
            exporters=[tf.estimator.FinalExporter("served", receiver)],
        ),
    }
