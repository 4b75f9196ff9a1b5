"""TF-Privacy's DNNClassifier: a head and an optimizer of the library's own."""

import small_examples
import tensorflow as tf
from tensorflow_privacy import DNNClassifier, DPKerasSGDOptimizer


def trainer_fn(fn_args, schema):
    optimizer = DPKerasSGDOptimizer(
        l2_norm_clip=1.0, noise_multiplier=0.01, num_microbatches=5, learning_rate=0.1
    )
    estimator = DNNClassifier(
        hidden_units=[4],
        feature_columns=small_examples.columns()[:1],
        optimizer=optimizer,
        config=tf.estimator.RunConfig(model_dir=fn_args.model_run_dir),
    )
    return small_examples.specs(estimator, fn_args)
