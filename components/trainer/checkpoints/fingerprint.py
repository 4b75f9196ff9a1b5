"""The fingerprint of everything that determines the result of a training.

Two trainings of one fingerprint are the same work: the second goes on where the first
was interrupted. What is compared is content: where artifacts lie does not matter, nor
which run made them. Of a SavedModel, as of a transform graph, it is what its graph says:
see `saved_graph`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfx.proto import trainer_pb2
from tfx.types.artifact import Artifact
from tfx.utils import proto_utils

from tfx_estimators import __version__
from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.saved_graph import SAVED_MODEL, content_digest, is_by_chance
from tfx_estimators.estimator.distribution import from_json
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.files import Files

__all__ = ["FORMAT", "Work", "find_fingerprint", "find_work"]

FORMAT = 2
"""Changes with what a fingerprint is made of: trainings of another one are not gone on with."""

_CHUNK = 1 << 20
# What the step is told, without where things lie and how many checkpoints are kept.
_PROPERTIES = (
    "module_digest",
    "label_key",
    "train_args",
    "eval_args",
    "custom_config",
    "fresh",
)


@dataclasses.dataclass(frozen=True)
class Work:
    """What a training is to do.

    Attributes:
        fingerprint: of all of it, 32 hexadecimal digits.
        steps: to train; None where that is not set.
        parts: a digest of everything else that determines the result, by its name.
        extends: whether it is to go on from a finished training of fewer steps.
        is_fresh: whether it was asked to have nothing in common with others.
    """

    fingerprint: str
    steps: int | None
    parts: Mapping[str, str]
    extends: bool = False
    is_fresh: bool = False


def find_fingerprint(
    inputs: Mapping[str, Sequence[Artifact]], properties: Mapping[str, Any]
) -> str:
    """The fingerprint alone; see `find_work`."""
    return find_work(inputs, properties).fingerprint


def find_work(inputs: Mapping[str, Sequence[Artifact]], properties: Mapping[str, Any]) -> Work:
    """Reads every input artifact once.

    Args:
        inputs: the step's input artifacts.
        properties: its execution properties.
    """
    import tensorflow as tf

    extends = bool(properties.get("extend"))
    facts: dict[str, Any] = {
        "format": FORMAT,
        "inputs": {
            key: [_content(artifact.uri) for artifact in artifacts]
            for key, artifacts in inputs.items()
            if artifacts
        },
        "properties": {name: properties.get(name) or None for name in _PROPERTIES},
        "distribution": _distribution(properties.get("distribution")),
        "tensorflow": tf.__version__.split(".")[:2],
        "tfx_estimators": __version__,
        # Dropout, say, is drawn anew where it goes on: not the same work as all steps at once.
        **({"extend": True} if extends else {}),
    }
    steps, other_args = _steps_of(properties.get("train_args"))
    rest = {**facts, **facts["properties"], "train_args": other_args}
    rest |= {f"input {key}": content for key, content in facts["inputs"].items()}
    for name in ("inputs", "properties", "extend"):
        rest.pop(name, None)
    return Work(
        fingerprint=_hash(facts)[:32],
        steps=steps,
        # Digests alone: settings may hold what nobody else is to read.
        parts={name: _hash(value) for name, value in rest.items()},
        extends=extends,
        is_fresh=bool(properties.get("fresh")),
    )


def _hash(value: Any) -> str:
    return hashlib.sha256(dumps(value, sort_keys=True).encode()).hexdigest()


def _steps_of(train_args: str | None) -> tuple[int | None, str | None]:
    """The number of steps, and the rest."""
    if not train_args:
        return None, None
    args = trainer_pb2.TrainArgs()
    proto_utils.json_to_proto(train_args, args)
    steps = args.num_steps or None
    args.ClearField("num_steps")
    return steps, proto_utils.proto_to_json(args)


def _distribution(policy: str | None) -> dict[str, Any] | None:
    return from_json(policy).determines() if policy else None


def _content(uri: str) -> str | None:
    """Digest of what an artifact holds; None if there is none: whoever reads it says so.

    Raises:
        OSError, tf.errors.OpError: if it cannot be read.
    """
    files = files_for(uri)
    if not files.exists(uri):
        return None
    found = []
    top = uri.rstrip("/")
    for inside, _, names in files.walk(top):
        for name in names:
            path = f"{inside.rstrip('/')}/{name}"
            if not is_by_chance(name, names):
                found.append((path[len(top) + 1 :], _digest(path, name, files)))
    return hashlib.sha256(dumps(sorted(found)).encode()).hexdigest()


def _digest(path: str, name: str, files: Files) -> str:
    with files.open(path, "rb") as file:
        if name == SAVED_MODEL:
            return content_digest(file.read())
        digest = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
