"""Where in an exported model the features are that its estimator reads.

The trainer leaves the tensors' names beside the SavedModel, so that the evaluator can
look at what a raw example became on its way into the model, and can give the model what
the transform made of that example instead. Serving does not know of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx.dsl.io import fileio

from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import parse

__all__ = ["FeatureTensor", "find_feature_tensors", "name_tensors", "write_feature_tensors"]

# Where a SavedModel keeps what its graph does not read.
_FILE = "assets.extra/tfx_estimators_features.json"


@dataclasses.dataclass(frozen=True)
class FeatureTensor:
    """Names of a feature's tensors in the exported graph.

    Attributes:
        values: a dense feature, or a sparse one's values.
        indices: a sparse one's; None for a dense one.
        dense_shape: likewise.
    """

    values: str
    indices: str | None = None
    dense_shape: str | None = None


def name_tensors(features: Any) -> dict[str, FeatureTensor]:
    """Names the features of a serving input receiver.

    Args:
        features: `Tensor` or `SparseTensor` by name; anything else has no name and is
            left out.
    """
    import tensorflow as tf

    named = {}
    for name, tensor in features.items() if isinstance(features, Mapping) else ():
        if isinstance(tensor, tf.SparseTensor):
            parts = (tensor.values, tensor.indices, tensor.dense_shape)
            named[str(name)] = FeatureTensor(*(part.name for part in parts))
        elif isinstance(tensor, tf.Tensor):
            named[str(name)] = FeatureTensor(tensor.name)
    return named


def write_feature_tensors(saved_model: str, tensors: Mapping[str, FeatureTensor]) -> None:
    """Leaves the names beside a SavedModel."""
    path = f"{saved_model}/{_FILE}"
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "w") as file:
        file.write(dumps({n: dataclasses.asdict(t) for n, t in sorted(tensors.items())}))


def find_feature_tensors(saved_model: str) -> dict[str, FeatureTensor]:
    """The names beside a SavedModel; none if nobody has left them there.

    Raises:
        DamagedFileError: if the file is damaged.
    """
    path = f"{saved_model}/{_FILE}"
    if not fileio.exists(path):
        return {}
    with fileio.open(path, "rb") as file:
        return parse(file.read(), dict[str, FeatureTensor], path)
