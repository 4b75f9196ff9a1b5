"""Estimator pipelines on today's TFX.

The rooms of the package, in the order in which they may import each other:

* `tfx_estimators.errors`: every error this package raises.
* `tfx_estimators.estimator`: the Estimator API on TensorFlow 2.15 to 2.21.
* `tfx_estimators.lineage`: questions to ML Metadata.
* `tfx_estimators.components`: the TFX components.
* `tfx_estimators.pipelines`: ready pipelines and the local runner.
* `tfx_estimators.kubeflow`: the same pipelines on Kubeflow.

Importing a room is cheap: TensorFlow, TFX and Beam are imported where they are
first used.
"""

from typing import Any

__version__ = "0.1.0"

__all__ = ["FeatureColumns", "__version__"]


def __getattr__(name: str) -> Any:
    # The artifact type: Kubeflow takes names of one dot only, by which it is imported.
    if name == "FeatureColumns":
        from tfx_estimators.components.artifacts import FeatureColumns

        return FeatureColumns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
