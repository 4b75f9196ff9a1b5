"""A model whose training, where it begins at the beginning, waits in the middle to be killed."""

import time

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

WAITS_AT = 30


class Wait(tf.compat.v1.train.SessionRunHook):
    """Waits, unless the training goes on from a checkpoint."""

    def after_create_session(self, session, coord):
        self._first = self._step = int(session.run(tf.compat.v1.train.get_global_step()))

    def after_run(self, run_context, run_values):
        self._step += 1
        while self._first == 0 and self._step == WAITS_AT:
            time.sleep(1)


def data():
    return tf.data.Dataset.from_tensors(({"x": [[0.1], [0.9]]}, [[0], [1]])).repeat()


def serving():
    raw = tf.compat.v1.placeholder(tf.string, [None])
    features = tf.io.parse_example(raw, {"x": tf.io.FixedLenFeature([1], tf.float32)})
    return tf_estimator.export.ServingInputReceiver(features, {"examples": raw})


def trainer_fn(arguments, schema):
    estimator = tf_estimator.LinearClassifier(
        [tf.feature_column.numeric_column("x")],
        config=tf_estimator.RunConfig(save_checkpoints_steps=10),
    )
    steps, exporter = arguments.train_steps, tf_estimator.FinalExporter("serving", serving)
    return {
        "estimator": estimator,
        "train_spec": tf_estimator.TrainSpec(data, max_steps=steps, hooks=[Wait()]),
        "eval_spec": tf_estimator.EvalSpec(data, steps=1, exporters=[exporter]),
    }
