"""Cat or dog? MobileNetV2 over a frozen base, as an estimator made from a Keras model."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator

SIZE = 160
LABEL_KEY = "label"
BATCH_SIZE = 32


def keras_model(weights: str | None) -> Any:
    """The guide's network, compiled; it takes "image", float32 of [batch, 160, 160, 3].

    Args:
        weights: file of the base's ImageNet weights as Keras publishes them
            (mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5). Without,
            they are random.
    """
    keras = tf.keras
    image = keras.Input((SIZE, SIZE, 3), name="image")
    base = keras.applications.MobileNetV2(
        input_shape=(SIZE, SIZE, 3), include_top=False, weights=weights
    )
    base.trainable = False
    seen = keras.layers.GlobalAveragePooling2D()(base(image, training=False))
    # Named as pre-made estimators name a probability: the evaluator knows it then.
    model = keras.Model(image, keras.layers.Dense(1, "sigmoid", name="logistic")(seen))
    model.compile(
        keras.optimizers.legacy.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"]
    )
    return model


def _image(encoded: Any) -> Any:
    """An encoded picture -> float32 of [160, 160, 3], -1 to 1."""
    pixels = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.image.resize(pixels, [SIZE, SIZE]) / 127.5 - 1.0


def _input_fn(patterns: list[str], batch_size: int, seed: int | None) -> Any:
    spec = {
        "image": tf.io.FixedLenFeature([], tf.string),
        LABEL_KEY: tf.io.FixedLenFeature([], tf.int64),
    }

    def parse(record: Any) -> Any:
        example = tf.io.parse_single_example(record, spec)
        return {"image": _image(example["image"])}, [example[LABEL_KEY]]

    files = [file for pattern in patterns for file in tf.io.gfile.glob(pattern)]
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    if seed is not None:
        records = records.shuffle(1000, seed=seed).repeat()
    return records.map(parse, tf.data.AUTOTUNE).batch(batch_size).prefetch(1)


def serving_input_receiver_fn() -> Any:
    """Takes serialized tf.Examples with an encoded picture each."""
    examples = tf.compat.v1.placeholder(tf.string, [None], name="examples")
    parsed = tf.io.parse_example(examples, {"image": tf.io.FixedLenFeature([], tf.string)})
    images = tf.map_fn(_image, parsed["image"], fn_output_signature=tf.float32)
    images = tf.ensure_shape(images, [None, SIZE, SIZE, 3])
    return tf_estimator.export.ServingInputReceiver({"image": images}, {"examples": examples})


def trainer_fn(fn_args: Any, schema: Any) -> dict[str, Any]:
    """What `EstimatorTrainer` trains and exports.

    Args:
        fn_args: files, steps, and as `custom_config` "batch_size", "seed" and "weights".
        schema: of the examples; not needed.
    """
    options = fn_args.custom_config or {}
    batch_size, seed = options.get("batch_size", BATCH_SIZE), options.get("seed", 0)
    tf.keras.utils.set_random_seed(seed)
    config = tf_estimator.RunConfig(model_dir=fn_args.serving_model_dir, tf_random_seed=seed)
    return {
        "estimator": tf.keras.estimator.model_to_estimator(
            keras_model(options.get("weights")), config=config
        ),
        "train_spec": tf_estimator.TrainSpec(
            lambda: _input_fn(fn_args.train_files, batch_size, seed), max_steps=fn_args.train_steps
        ),
        "eval_spec": tf_estimator.EvalSpec(
            lambda: _input_fn(fn_args.eval_files, batch_size, None),
            steps=fn_args.eval_steps,
            exporters=[tf_estimator.FinalExporter("serving", serving_input_receiver_fn)],
            throttle_secs=0,
        ),
    }
