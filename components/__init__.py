"""TFX components for estimators, each usable alone beside stock components.

* `CsvExampleGen`, `ParquetExampleGen`: TFX's own, with readers of whole columns.
* `FeatureColumnTransform`: feature columns on Beam, in TFX Transform's formats.
* `EstimatorTrainer`: train_and_evaluate, checkpoints, an exported SavedModel.
* `EstimatorEvaluator`: sliced metrics, thresholds, a blessing.
* `EstimatorPredictor`: batch prediction.
* `EstimatorPusher`: versioned folders for serving.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.components.evaluator.component import EstimatorEvaluator
    from tfx_estimators.components.example_gen.component import CsvExampleGen, ParquetExampleGen
    from tfx_estimators.components.predictor.component import EstimatorPredictor
    from tfx_estimators.components.pusher.component import EstimatorPusher
    from tfx_estimators.components.trainer.component import EstimatorTrainer
    from tfx_estimators.components.transform.component import FeatureColumnTransform

__all__ = [
    "CsvExampleGen",
    "EstimatorEvaluator",
    "EstimatorPredictor",
    "EstimatorPusher",
    "EstimatorTrainer",
    "FeatureColumnTransform",
    "ParquetExampleGen",
]

_HOMES = {
    "CsvExampleGen": "example_gen",
    "EstimatorEvaluator": "evaluator",
    "EstimatorPredictor": "predictor",
    "EstimatorPusher": "pusher",
    "EstimatorTrainer": "trainer",
    "FeatureColumnTransform": "transform",
    "ParquetExampleGen": "example_gen",
}


def __getattr__(name: str) -> Any:
    # TFX's base classes take seconds to import; a component is imported when asked for.
    if name in _HOMES:
        module = importlib.import_module(f"{__name__}.{_HOMES[name]}.component")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
