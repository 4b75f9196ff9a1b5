"""`EstimatorTrainer`: trains an estimator and exports it for serving.

* `spec`: what the pipeline sees.
* `component`: wiring, checked when the pipeline is defined.
* `executor`: runs a training.
* `request`: all that a step was given, parsed once.
* `processes`: a training in several processes.
* `contracts`: what a user's module may define, and how each is trained.
* `session`: one process of a training while it runs.
* `checkpoints`: what a training leaves on disk.
* `announcement`: what a training says to the user.
"""

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
