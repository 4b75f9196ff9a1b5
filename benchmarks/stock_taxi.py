"""The taxi model as a user of stock TFX 1.15 components wrote it: the peer's module.

A hand-written `preprocessing_fn` equal to our feature columns, and a `run_fn` around a
`DNNLinearCombinedClassifier`. The model is exported over transformed features, because
stock TFX's Evaluator cannot make the label for an estimator; that spares it the
transform at evaluation and prediction.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

from tfx_estimators import estimator as tf_estimator

fc = tf.feature_column

LABEL = "big_tipper"
SCALED = ("trip_miles", "fare", "trip_seconds")
POSITIONS = ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude")
SIZES = {
    "trip_start_hour": 24,
    "trip_start_day": 8,
    "trip_start_month": 13,
    "pickup_community_area": 78,
    "dropoff_community_area": 78,
}
COMPANIES = 1010
BATCH_SIZE = 256


def _dense(value: Any) -> Any:
    """`[batch]`; 0 or the empty string stands for a value that is missing."""
    if isinstance(value, tf.SparseTensor):
        one_each = tf.SparseTensor(value.indices, value.values, [value.dense_shape[0], 1])
        nothing = "" if value.dtype == tf.string else tf.constant(0, value.dtype)
        value = tf.sparse.to_dense(one_each, nothing)
    return tf.squeeze(value, axis=1)


def _number(value: Any) -> Any:
    # Whether a column holds "3" or "3.0" decides its type.
    return tf.cast(_dense(value), tf.float32)


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Equal in work to the feature columns of `pipelines/taxi/model.py`."""
    outputs = {}
    for key in SCALED:
        outputs[key] = tft.scale_to_z_score(_number(inputs[key]))
    for key in POSITIONS:
        outputs[key] = tft.bucketize(_number(inputs[key]), 10)
    for key in SIZES:
        outputs[key] = tf.cast(_dense(inputs[key]), tf.int64)
    outputs["company"] = tft.compute_and_apply_vocabulary(
        _dense(inputs["company"]), top_k=1000, num_oov_buckets=10
    )
    outputs["payment_type"] = tft.compute_and_apply_vocabulary(
        _dense(inputs["payment_type"]), num_oov_buckets=1
    )
    hour_day = tf.strings.join(
        [tf.strings.as_string(outputs["trip_start_hour"]),
         tf.strings.as_string(outputs["trip_start_day"])], "_X_"
    )  # fmt: skip
    outputs["hour_of_week"] = tf.strings.to_hash_bucket_fast(hour_day, 500)
    cell = tf.strings.join([tf.strings.as_string(outputs[key]) for key in POSITIONS[:2]], "_X_")
    outputs["pickup_cell"] = tf.strings.to_hash_bucket_fast(cell, 500)
    tips, fare = _number(inputs["tips"]), _number(inputs["fare"])
    outputs[LABEL] = tf.cast(tips > 0.2 * fare, tf.int64)
    return outputs


def _estimator(model_dir: str) -> Any:
    sizes = {**SIZES, **dict.fromkeys(POSITIONS, 10), "company": COMPANIES, "payment_type": 10}
    sizes |= {"hour_of_week": 500, "pickup_cell": 500}
    by_key = {k: fc.categorical_column_with_identity(k, n, 0) for k, n in sizes.items()}
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=list(by_key.values()),
        dnn_feature_columns=[
            *(fc.numeric_column(key) for key in SCALED),
            *(
                fc.indicator_column(by_key[key])
                for key in ("payment_type", "trip_start_hour", "trip_start_day")
            ),
            *(fc.embedding_column(by_key[key], 8) for key in ("company", "pickup_community_area")),
        ],
        dnn_hidden_units=[100, 70, 50, 25],
        model_dir=model_dir,
    )


def run_fn(fn_args: Any) -> None:
    """Trains, evaluates and exports, in the way of the TFX 1.15 examples."""
    output = tft.TFTransformOutput(fn_args.transform_output)

    def input_fn(files: Any) -> Any:
        return fn_args.data_accessor.tf_dataset_factory(
            files,
            tfxio.TensorFlowDatasetOptions(batch_size=BATCH_SIZE, label_key=LABEL),
            output.transformed_metadata.schema,
        ).repeat()

    spec = output.transformed_feature_spec()
    spec.pop(LABEL)
    estimator = _estimator(fn_args.model_run_dir)
    tf_estimator.train_and_evaluate(
        estimator,
        tf_estimator.TrainSpec(lambda: input_fn(fn_args.train_files), fn_args.train_steps),
        tf_estimator.EvalSpec(lambda: input_fn(fn_args.eval_files), fn_args.eval_steps),
    )
    exported = estimator.export_saved_model(
        fn_args.serving_model_dir,
        tf_estimator.export.build_parsing_serving_input_receiver_fn(spec),
    )
    _flatten(exported.decode(), fn_args.serving_model_dir)


def _flatten(exported: str, folder: str) -> None:
    # TFX wants the SavedModel itself in the folder, not under a time stamp.
    for name in tf.io.gfile.listdir(exported):
        tf.io.gfile.rename(f"{exported}/{name}".rstrip("/"), f"{folder}/{name}".rstrip("/"))
    tf.io.gfile.rmtree(exported)
