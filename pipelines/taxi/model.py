"""Will this trip's tip be over 20 % of the fare? A wide & deep classifier.

This is all a user writes: feature columns, an estimator over them, and the label,
which is not in the data but made from it.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator import columns

fc = tf.feature_column

LABEL_KEY = "big_tipper"

PAYMENT_TYPES = ["Cash", "Credit Card", "Dispute", "No Charge", "Pcard", "Prcard", "Unknown"]
COMMUNITY_AREAS = 78  # Chicago numbers its community areas 1 to 77.
POSITION_BUCKETS = 10


def feature_columns() -> dict[str, list[Any]]:
    """Columns over the raw trips, for the linear and the deep part.

    Some drop-offs are missing: their community area becomes 0, which Chicago does not
    use, and their coordinates fall into the lowest bucket.
    """
    hour = fc.categorical_column_with_identity("trip_start_hour", 24)
    day = fc.categorical_column_with_identity("trip_start_day", 8)
    month = fc.categorical_column_with_identity("trip_start_month", 13)
    pickup_area = fc.categorical_column_with_identity("pickup_community_area", COMMUNITY_AREAS)
    dropoff_area = fc.bucketized_column(
        fc.numeric_column("dropoff_community_area", default_value=0.0),
        boundaries=list(range(1, COMMUNITY_AREAS)),
    )
    payment_type = fc.categorical_column_with_vocabulary_list(
        "payment_type", PAYMENT_TYPES, num_oov_buckets=1
    )
    company = columns.categorical_column_with_learned_vocabulary(
        "company", top_k=1000, num_oov_buckets=10
    )
    positions = [
        columns.quantile_bucketized_column(key, POSITION_BUCKETS, default_value=0.0)
        for key in (
            "pickup_latitude",
            "pickup_longitude",
            "dropoff_latitude",
            "dropoff_longitude",
        )
    ]
    amounts = [
        columns.scaled_numeric_column(key, scaling="z_score", default_value=0.0)
        for key in ("trip_miles", "fare", "trip_seconds")
    ]
    hour_of_week = fc.crossed_column([hour, day], hash_bucket_size=500)
    pickup_cell = fc.crossed_column(positions[:2], hash_bucket_size=500)
    return {
        "linear": [
            hour,
            day,
            month,
            payment_type,
            company,
            pickup_area,
            dropoff_area,
            *positions,
            hour_of_week,
            pickup_cell,
        ],
        "dnn": [
            *amounts,
            fc.indicator_column(payment_type),
            fc.indicator_column(hour),
            fc.indicator_column(day),
            fc.embedding_column(company, dimension=8),
            fc.embedding_column(pickup_area, dimension=8),
        ],
    }


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Makes the label: 1 where the tip is over 20 % of the fare.

    Returns:
        `{"big_tipper": int64 tensor of shape [batch, 1]}`.
    """

    def dense(key: str) -> Any:
        value = inputs[key]
        if isinstance(value, tf.SparseTensor):
            value = tf.sparse.to_dense(value)
        return tf.reshape(value, [-1, 1])

    return {LABEL_KEY: tf.cast(dense("tips") > 0.2 * dense("fare"), tf.int64)}


def estimator_fn(model_columns: dict[str, list[Any]], config: Any, params: dict[str, Any]) -> Any:
    """A `DNNLinearCombinedClassifier` over the columns as the transform rewrote them."""
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=model_columns["linear"],
        dnn_feature_columns=model_columns["dnn"],
        dnn_hidden_units=params.get("hidden_units", [100, 70, 50, 25]),
        dnn_optimizer="Adam",
        config=config,
    )
