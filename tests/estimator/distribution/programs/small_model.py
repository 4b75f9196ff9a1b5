"""A linear model whose weights after some steps depend on every example it was given."""

import pathlib

import numpy as np
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator.input_fn import Batches, make_input_fn

EXAMPLES = 32
GLOBAL_BATCH = 8
STEPS = 6
SPEC = {
    "x": tf.io.FixedLenFeature([2], tf.float32),
    "y": tf.io.FixedLenFeature([1], tf.float32),
}


def write_examples(path):
    """Records whose target is a sum over both features, with some noise."""
    random = np.random.default_rng(3)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(EXAMPLES):
            x = random.normal(size=2)
            y = 2 * x[0] - x[1] + random.normal(0, 0.5)
            feature = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=x)),
                "y": tf.train.Feature(float_list=tf.train.FloatList(value=[y])),
            }
            writer.write(
                tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
            )


class Input:
    """The input function, which writes down how it was called."""

    def __init__(self, path, batch_size, *, repeat=True):
        self._read = make_input_fn(
            [str(path)], SPEC, "y", Batches(batch_size, repeat=repeat, sharding="disjoint")
        )
        self.calls = []

    def __call__(self, input_context=None):
        context = input_context or tf.distribute.InputContext()
        self.calls.append(
            [
                context.num_input_pipelines,
                context.input_pipeline_id,
                context.num_replicas_in_sync,
            ]
        )
        return self._read(input_context)


def model_fn(features, labels, mode):
    """Least squares by gradient descent, in plain TensorFlow 1."""
    v1 = tf.compat.v1
    weights = v1.get_variable("weights", [2, 1], initializer=v1.zeros_initializer())
    predictions = tf.matmul(features["x"], weights)
    if mode == tf_estimator.ModeKeys.PREDICT:
        return tf_estimator.EstimatorSpec(mode, predictions={"y": predictions})
    loss = tf.reduce_mean(tf.square(predictions - labels))
    if mode == tf_estimator.ModeKeys.EVAL:
        error = v1.metrics.mean_absolute_error(labels, predictions)
        return tf_estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops={"error": error})
    train_op = v1.train.GradientDescentOptimizer(0.1).minimize(
        loss, global_step=v1.train.get_global_step()
    )
    return tf_estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


class Weights(tf.compat.v1.train.SessionRunHook):
    """Writes the weights down as this process sees them when training ends."""

    def __init__(self, path):
        self._path = pathlib.Path(path)

    def begin(self):
        self._reads = {
            v.name.partition(":")[0]: tf.identity(v) for v in tf.compat.v1.trainable_variables()
        }

    def end(self, session):
        with self._path.open("wb") as file:
            np.savez(file, **session.run(self._reads))


def weights_of(estimator):
    return {
        name: estimator.get_variable_value(name).tolist()
        for name in estimator.get_variable_names()
        if "weights" in name
    }
