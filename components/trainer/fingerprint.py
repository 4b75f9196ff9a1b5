"""All that determines what a training comes to, in one line.

Two trainings of one fingerprint are the same work: the second goes on where the first
was interrupted. What is compared is content: where artifacts lie does not matter, nor
which run made them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfx.types.artifact import Artifact

from tfx_estimators import __version__
from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.estimator.distribution import from_json
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.digests import folder_digest

__all__ = ["find_fingerprint"]

_FORMAT = 1
# What the step is told, without where things lie and how many checkpoints are kept.
_PROPERTIES = (
    "module_digest",
    "label_key",
    "train_args",
    "eval_args",
    "custom_config",
    "fresh",
)


def find_fingerprint(
    inputs: Mapping[str, Sequence[Artifact]], properties: Mapping[str, Any]
) -> str:
    """Reads every input artifact once.

    Args:
        inputs: the step's input artifacts.
        properties: its execution properties.

    Returns:
        32 hexadecimal digits.
    """
    import tensorflow as tf

    facts = {
        "format": _FORMAT,
        "inputs": {
            key: [_content(artifact.uri) for artifact in artifacts]
            for key, artifacts in inputs.items()
            if artifacts
        },
        "properties": {name: properties.get(name) or None for name in _PROPERTIES},
        "distribution": _distribution(properties.get("distribution")),
        "tensorflow": tf.__version__.split(".")[:2],
        "tfx_estimators": __version__,
    }
    return hashlib.sha256(dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _distribution(policy: str | None) -> dict[str, Any] | None:
    return from_json(policy).determines() if policy else None


def _content(uri: str) -> str | None:
    try:
        return folder_digest(uri, files_for(uri))
    except NotInMetadataError:
        return None  # Whoever reads it says what is wrong with it.
