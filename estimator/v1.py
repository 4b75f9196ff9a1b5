"""What `tf.compat.v1.estimator` held in TensorFlow 2.15, under the same names.

Loaded at the first use of a name. TPUEstimator is here for CPU and GPU. With
`use_tpu=True` it raises `RemovedFromTensorFlowError` on TensorFlow 2.16 and later, and so do
TPU embeddings when they are used.
"""

from __future__ import annotations

from typing import Any

from tfx_estimators.estimator import loading as _loading


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    api = _loading.load(_loading.V1_API)
    value = __dir__() if name == "__all__" else getattr(api, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(n for n in dir(_loading.load(_loading.V1_API)) if not n.startswith("_"))
