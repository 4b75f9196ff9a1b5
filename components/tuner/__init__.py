"""`EstimatorTuner`: searches for hyperparameters by training an estimator with each choice.

* `component`: the component.
* `executor`: runs the search and writes what it found.
* `objective`: the metric that a search is to lower or to raise.
* `results`: what a search leaves behind, in the files of TFX's Tuner.
* `search`: how the values of the next trial are chosen.
* `spec`: what the component reads, writes and takes.
* `study`: a search under way, which outlives its process.
* `trial_process`: a process that trains one trial after another.
* `workers`: the processes of a search, one for each trial that runs at the same time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfx_estimators.components.tuner.search import (
    BayesianSearch,
    GridSearch,
    Hyperband,
    RandomSearch,
)

if TYPE_CHECKING:
    from tfx_estimators.components.tuner.component import EstimatorTuner

__all__ = ["BayesianSearch", "EstimatorTuner", "GridSearch", "Hyperband", "RandomSearch"]


def __getattr__(name: str) -> Any:
    # TFX takes seconds to import; only what is asked for is.
    if name == "EstimatorTuner":
        return importlib.import_module(f"{__name__}.component").EstimatorTuner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
