"""What a user of this package writes."""

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator import columns

fc = tf.feature_column


def feature_columns():
    color = columns.categorical_column_with_learned_vocabulary("color", num_oov_buckets=1)
    return {
        "linear": [color],
        "dnn": [columns.scaled_numeric_column("x", scaling="z_score"), fc.indicator_column(color)],
    }


def estimator_fn(columns, config, params):
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=columns["linear"],
        dnn_feature_columns=columns["dnn"],
        dnn_hidden_units=params.get("hidden_units", [8]),
        config=config,
    )
