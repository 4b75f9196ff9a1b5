"""DeepCTR's DeepFM: Keras layers of the library's own in an Estimator's graph."""

import small_examples
import tensorflow as tf
from deepctr.estimator import DeepFMEstimator


def trainer_fn(fn_args, schema):
    x, color = small_examples.columns()
    estimator = DeepFMEstimator(
        linear_feature_columns=[x],
        dnn_feature_columns=[x, color],
        dnn_hidden_units=[4],
        config=tf.estimator.RunConfig(model_dir=fn_args.model_run_dir),
    )
    return small_examples.specs(estimator, fn_args)
