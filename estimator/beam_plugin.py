"""Readies Beam's worker processes: `--beam_plugin=tfx_estimators.estimator.beam_plugin`.

A worker that unpickles functions of a module that uses `tf.estimator` has to import the
module first. Beam's workers import their plugins before anything of the pipeline's.
"""

from tfx_estimators.estimator.activation import activate_with_tensorflow

__all__: list[str] = []

activate_with_tensorflow()
