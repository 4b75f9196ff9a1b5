"""A model function with everything that an EstimatorSpec takes, and its figures."""

from __future__ import annotations

import tempfile
from typing import Any

import small_data
import tensorflow as tf

v1 = tf.compat.v1


def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
    """A linear classifier in plain TensorFlow 1, for all three modes.

    Args:
        features: with "number" and "word".
        labels: classes 0 and 1.
        mode: of `tf.estimator.ModeKeys`.
        params: "classes"; "learning_rate", 0.1 by default; "hooks" for training;
            "scaffold", a function that returns a Scaffold.
    """
    layer = v1.feature_column.input_layer(features, small_data.columns()[1])
    with v1.variable_scope("output"):
        weights = v1.get_variable("weights", [layer.shape[1], params["classes"]])
        bias = v1.get_variable("bias", [params["classes"]], initializer=v1.zeros_initializer())
    logits = tf.matmul(layer, weights) + bias
    classes = tf.argmax(logits, 1)
    scaffold = params.get("scaffold", lambda: None)()
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {"class": classes, "probabilities": tf.nn.softmax(logits)}
        signatures = {
            "serving_default": tf.estimator.export.PredictOutput(outputs),
            "predict": tf.estimator.export.PredictOutput(outputs),
            "scores": tf.estimator.export.PredictOutput({"scores": outputs["probabilities"]}),
        }
        return tf.estimator.EstimatorSpec(
            mode, predictions=outputs, export_outputs=signatures, scaffold=scaffold
        )
    loss = v1.losses.sparse_softmax_cross_entropy(labels, logits)
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(
            mode,
            loss=loss,
            eval_metric_ops={"accuracy": v1.metrics.accuracy(labels, classes)},
            scaffold=scaffold,
        )
    optimizer = v1.train.AdamOptimizer(params.get("learning_rate", 0.1))
    return tf.estimator.EstimatorSpec(
        mode,
        loss=loss,
        train_op=optimizer.minimize(loss, global_step=v1.train.get_global_step()),
        training_hooks=params.get("hooks", ()),
        scaffold=scaffold,
    )


def estimator(model_dir: str | None = None, warm_start_from: Any = None, **params: Any) -> Any:
    """An Estimator over `model_fn` with a fixed seed."""
    config = tf.estimator.RunConfig(model_dir or tempfile.mkdtemp(), tf_random_seed=7)
    return tf.estimator.Estimator(
        model_fn, config=config, params={"classes": 2, **params}, warm_start_from=warm_start_from
    )


def metrics(made: Any, steps: int) -> dict[str, float]:
    """The metrics after `steps` steps of training."""
    read = small_data.input_fn()
    found = made.train(read, steps=steps).evaluate(read, steps=4)
    return {name: float(value) for name, value in found.items()}


def figures() -> dict[str, dict[str, float]]:
    """Trained from the start, and from the weights of that training."""
    first = estimator()
    found = {"from the start": metrics(first, 10)}
    only_output = tf.estimator.WarmStartSettings(first.model_dir, vars_to_warm_start="output/.*")
    found["from all weights"] = metrics(estimator(warm_start_from=first.model_dir), 5)
    found["from some weights"] = metrics(estimator(warm_start_from=only_output), 5)
    return found
