"""Which digit? A small convolutional network as a custom `model_fn`.

After https://www.tensorflow.org/tutorials/distribute/multi_worker_with_estimator. Nothing
in here knows in how many processes it is trained: `config` holds the strategy.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

SIZE = 8
CLASSES = 10
INK = 16.0  # the darkest pixel


def feature_columns() -> list[Any]:
    """The pixels, row by row."""
    return [tf.feature_column.numeric_column("pixels", shape=SIZE * SIZE)]


def network() -> Any:
    """The tutorial's layers: pixels of [batch, 8, 8, 1] -> logits of [batch, 10]."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Conv2D(32, 3, activation="relu", input_shape=(SIZE, SIZE, 1)),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(CLASSES),
        ]
    )


def estimator_fn(columns: list[Any], config: Any, params: dict[str, Any]) -> Any:
    """An Estimator over the network.

    Args:
        columns: the pixels' column.
        config: says where to train, and how it is distributed.
        params: "learning_rate", 0.001 by default.
    """

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        pixels = tf.compat.v1.feature_column.input_layer(features, columns)
        model = network()
        training = mode == tf_estimator.ModeKeys.TRAIN
        logits = model(tf.reshape(pixels / INK, [-1, SIZE, SIZE, 1]), training=training)
        optimizer = tf.compat.v1.train.AdamOptimizer(params.get("learning_rate", 1e-3))
        # The head's loss is the mean over the batch of a replica, and the optimizer divides
        # it by the number of replicas: what is minimized is the mean over the global batch.
        return tf_estimator.MultiClassHead(CLASSES).create_estimator_spec(
            features,
            mode,
            logits,
            labels=labels,
            trainable_variables=model.trainable_variables,
            train_op_fn=lambda loss: optimizer.minimize(
                loss, global_step=tf.compat.v1.train.get_or_create_global_step()
            ),
        )

    return tf_estimator.Estimator(model_fn, config=config)
