"""Keeps AutoGraph off libraries that build their graphs themselves.

AutoGraph rewrites Python functions whose modules it does not know. `keras` is on its
list of those that it leaves alone; `tf_keras`, as Keras 2 is called from TensorFlow 2.16
on, is not, nor are the estimators and TF Transform, whose layer puts the transform into the
exported graph. Rewriting all of it makes a graph take several times as long to build. Of our own
modules those are here whose functions it would meet.

Private names relied on, seen on 2.16 to 2.21:
`tensorflow.python.autograph.core.config.CONVERSION_RULES` and `DoNotConvert`.
"""

from __future__ import annotations

__all__ = ["leave_libraries_alone"]

_MODULES = (
    "tf_keras",
    "tensorflow_estimator",
    "tensorflow_transform",
    # Stands where TensorFlow's own columns did, which AutoGraph leaves alone.
    "tfx_estimators.estimator.columns.lookups",
    # Its datasets' functions have no Python conditions on tensors.
    "tfx_estimators.estimator.input_fn",
)


def leave_libraries_alone() -> None:
    """Adds the rules, once in a process."""
    from tensorflow.python.autograph.core import config

    known = set(map(str, config.CONVERSION_RULES))
    rules = [config.DoNotConvert(module) for module in _MODULES]
    new = [rule for rule in rules if str(rule) not in known]
    config.CONVERSION_RULES = (*new, *config.CONVERSION_RULES)
