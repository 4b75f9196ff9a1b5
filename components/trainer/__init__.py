"""`EstimatorTrainer`: trains an estimator and exports it for serving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.components.trainer.component import EstimatorTrainer

__all__ = ["EstimatorTrainer"]


def __getattr__(name: str) -> Any:
    # TFX takes seconds to import; only what is asked for is.
    if name == "EstimatorTrainer":
        from tfx_estimators.components.trainer.component import EstimatorTrainer

        return EstimatorTrainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
