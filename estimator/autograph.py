"""Keeps AutoGraph off Keras 2, as on TensorFlow 2.15.

AutoGraph rewrites Python functions whose modules it does not know. `keras` is on its
list of those that it leaves alone; `tf_keras`, as Keras 2 is called from TensorFlow 2.16
on, is not. Rewriting all of it makes a graph take several times as long to build.

Private names relied on, seen on 2.16 to 2.21:
`tensorflow.python.autograph.core.config.CONVERSION_RULES` and `DoNotConvert`.
"""

from __future__ import annotations

__all__ = ["leave_keras_2_alone"]

_PACKAGE = "tf_keras"


def leave_keras_2_alone() -> None:
    """Adds the rule, once in a process."""
    from tensorflow.python.autograph.core import config

    rule = config.DoNotConvert(_PACKAGE)
    if not any(str(known) == str(rule) for known in config.CONVERSION_RULES):
        config.CONVERSION_RULES = (rule, *config.CONVERSION_RULES)
