"""What TensorFlow no longer contains: named when imported, refused when used.

The estimator package imports these private TPU modules at its top. TensorFlow 2.16
dropped `tensorflow.python.tpu.session_support`, `tpu_embedding` and
`tpu_embedding_gradient` (seen missing on 2.16 to 2.21).
"""

from __future__ import annotations

import types
from typing import Any, NoReturn

from tfx_estimators.errors import RemovedFromTensorFlowError

__all__ = ["MODULES", "refuse"]


def refuse(name: str) -> NoReturn:
    """Raises the error for using something that is gone.

    Args:
        name: what was used, by its public name where it has one.

    Raises:
        RemovedFromTensorFlowError: always.
    """
    raise RemovedFromTensorFlowError(
        f"{name} needs parts of TensorFlow that were removed in 2.16",
        expected="an estimator that trains on CPU or GPU",
        fix="use TPUEstimator with use_tpu=False and without embedding_config_spec, "
        "or stay on TensorFlow 2.15 for TPUs",
    )


class _RemovedModule(types.ModuleType):
    """Stands for a removed module: every public name in it is a class that refuses."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full_name = f"{self.__name__}.{name}"

        def __new__(cls: type, *args: Any, **kwargs: Any) -> NoReturn:
            refuse(full_name)

        value = type(name, (), {"__new__": __new__, "__module__": self.__name__})
        setattr(self, name, value)
        return value


MODULES = {
    name: _RemovedModule(f"tensorflow.python.tpu.{name}")
    for name in ("session_support", "tpu_embedding", "tpu_embedding_gradient")
}
