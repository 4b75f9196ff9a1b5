"""Artifact types of our own, where TFX has no standard one.

TYPE_NAME is the importable dotted path and no typed PROPERTIES are declared:
a type that breaks either rule does not compile for Kubeflow.
"""

from __future__ import annotations

from tfx.types.artifact import Artifact

__all__ = ["FeatureColumns"]


class FeatureColumns(Artifact):
    """What a `FeatureColumnTransform` learned about the feature columns.

    Holds `columns.json`: for every column the side it went to and why, the name
    of the transformed feature and the sizes learned from the data. The trainer
    rebuilds the model-side feature columns from it and the user's module.
    """

    TYPE_NAME = "tfx_estimators.components.artifacts.FeatureColumns"
