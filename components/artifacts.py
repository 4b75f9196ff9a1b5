"""Artifact types of our own, where TFX has no standard one.

TYPE_NAME is an importable path of one dot, as TFX's compiler for Kubeflow asks for, and no
typed PROPERTIES are declared, which it cannot express.
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

    TYPE_NAME = "tfx_estimators.FeatureColumns"
