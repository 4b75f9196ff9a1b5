"""Readies Beam's worker processes: `--beam_plugin=tfx_estimators.estimator.beam_plugin`.

A worker that unpickles functions of a module that uses `tf.estimator` has to import the
module first. Beam's workers import their plugins before anything of the pipeline's.

A worker that was told its parent, see `components.beam_processes`, ends with it.
"""

from tfx_estimators.estimator.activation import activate_with_tensorflow
from tfx_estimators.estimator.distribution.processes import end_with_parent

__all__: list[str] = []

end_with_parent()
activate_with_tensorflow()
