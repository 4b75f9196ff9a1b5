"""Records that components write beside their files, to be imported into ML Metadata later.

TFX publishes nothing from a failed execution and gives executors no metadata
connection, and Kubeflow may record nothing at all. So whoever writes a checkpoint,
a SavedModel or a pushed version writes a small JSON record beside it, and
`reconcile` turns the records into artifacts, contexts and events.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len, Predicate

from tfx_estimators.errors import DamagedFileError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import Count, Int64, Seconds, is_text, parse
from tfx_estimators.redaction import without_secrets

__all__ = [
    "FORMAT",
    "ArtifactRecord",
    "CheckpointRecord",
    "ModelRecord",
    "PushRecord",
    "Record",
    "State",
    "StepRecord",
    "from_json",
    "to_json",
]

FORMAT = 1
"""Version of the records' format; another one is refused."""

_Text = Annotated[str, Predicate(is_text)]
# ML Metadata refuses contexts and types without a name.
_Name = Annotated[str, Predicate(is_text), Len(1)]
_Property = _Text | Int64 | float
State = Literal["running", "complete", "failed", "cached"]
"""How a step stands."""

_STRICT: dict[str, Any] = {"allow_inf_nan": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Origin:
    """Who wrote a record.

    Attributes:
        pipeline: the pipeline's name.
        run: the pipeline run's id.
        node: the node's id, e.g. "EstimatorTrainer".
        execution: the id that TFX's executor context gives in `unique_id`; locally the
            number of the execution in ML Metadata. None where it is not known.
        wall_time: when it was written, in seconds since 1970 (UTC).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    kind: ClassVar[str]

    pipeline: _Name
    run: _Name
    node: _Name
    execution: _Text | None = None
    wall_time: Seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointRecord(_Origin):
    """A checkpoint.

    Attributes:
        uri: the checkpoint's prefix, e.g. "/store/3fa2/model.ckpt-1200".
        digest: `digests.checkpoint_digest` of its files.
        fingerprint: of all that determines the training's result.
        step: the global step.
        global_examples: how many examples were trained on up to here; None where that is
            not known.
        metrics: what was measured at this step. Values that are not finite are left
            out: neither JSON nor ML Metadata can hold them.
        size_bytes: of all its files.
        checkpoint_format: "saver" (tf.compat.v1.train.Saver) or "object"
            (tf.train.Checkpoint).
        kept: False once retention or `gc` has removed the files.
        resumed_from: digest of the checkpoint that this execution began with; None for a
            fresh start.
    """

    kind: ClassVar[str] = "checkpoint"

    uri: _Name
    digest: _Name
    fingerprint: _Name
    step: Count
    global_examples: Count | None
    metrics: dict[_Text, float] = dataclasses.field(default_factory=dict)
    size_bytes: Count
    checkpoint_format: Literal["saver", "object"] = "saver"
    kept: bool = True
    resumed_from: _Text | None = None

    def __post_init__(self) -> None:
        finite = {
            name: float(value) for name, value in self.metrics.items() if math.isfinite(value)
        }
        object.__setattr__(self, "metrics", finite)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelRecord(_Origin):
    """A SavedModel and the checkpoint that it was exported from.

    Attributes:
        uri: of the Model artifact that holds it.
        digest: of the SavedModel, as pushing and `PushRecord.model_digest` know it.
        checkpoint_digest: digest of the checkpoint.
        fingerprint: the training's.
        step: the checkpoint's global step.
    """

    kind: ClassVar[str] = "model"

    uri: _Name
    digest: _Name
    checkpoint_digest: _Name
    fingerprint: _Name
    step: Count


@dataclasses.dataclass(frozen=True, kw_only=True)
class PushRecord(_Origin):
    """A version that was pushed.

    Attributes:
        uri: of the PushedModel artifact.
        version: the version's name, a number.
        destination: the version's folder.
        model_uri: uri of the Model artifact that was pushed.
        model_digest: digest of the SavedModel that was pushed.
        rolled_back_to: folder of the version whose content it is, if a rollback made it.
    """

    kind: ClassVar[str] = "push"

    uri: _Name
    version: _Name
    destination: _Name
    model_uri: _Text
    model_digest: _Text
    rolled_back_to: _Text | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArtifactRecord:
    """An artifact that a step read or wrote.

    Attributes:
        key: the input's or output's name, e.g. "examples".
        type: the artifact type's name.
        uri: where it lies.
        properties: its custom properties, without numbers that are not finite.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {**_STRICT, "extra": "forbid"}

    key: _Text
    type: _Name
    uri: _Text
    properties: dict[_Text, _Property] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        finite = {
            name: value
            for name, value in self.properties.items()
            if not isinstance(value, float) or math.isfinite(value)
        }
        object.__setattr__(self, "properties", finite)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepRecord(_Origin):
    """What an execution read and wrote, for where the runner itself records nothing.

    A store in which TFX has recorded the execution already is left as it is.

    Attributes:
        type: the component's type, its importable dotted path.
        state: "running", "complete" or "failed"; "cached" if an earlier execution made the
            outputs.
        began: when it began, in seconds since 1970 (UTC); `wall_time` is when it got into its
            state.
        parameters: the execution properties, without secrets.
        inputs: what it read.
        outputs: what it wrote.
    """

    kind: ClassVar[str] = "step"

    type: _Name
    state: State
    began: Seconds
    parameters: dict[_Text, _Property] = dataclasses.field(default_factory=dict)
    inputs: tuple[ArtifactRecord, ...] = ()
    outputs: tuple[ArtifactRecord, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", without_secrets(self.parameters))


Record = CheckpointRecord | ModelRecord | PushRecord | StepRecord

_KINDS: dict[str, Any] = {
    "checkpoint": CheckpointRecord,
    "model": ModelRecord,
    "push": PushRecord,
    "step": StepRecord,
}


def to_json(record: Record) -> str:
    """The record as JSON text, keys in a fixed order."""
    fields = {"kind": record.kind, "format": FORMAT, **dataclasses.asdict(record)}
    return dumps(fields, indent=1) + "\n"


def from_json(text: str | bytes, source: str = "the record") -> Record:
    """Reads what `to_json` wrote.

    Args:
        text: JSON.
        source: what to call it in errors, usually a file.

    Raises:
        DamagedFileError: if it is no JSON, of another format version, or if a key is
            missing, unknown or of another type.
    """
    fields = parse(text, dict[str, Any], source)
    name = fields.pop("kind", None)
    if not isinstance(name, str) or name not in _KINDS:
        raise DamagedFileError(
            f"{source} is not a lineage record",
            expected=f'an object with "kind", one of {", ".join(_KINDS)}',
            fix="pass the folder where the trainer keeps its checkpoints",
        )
    version = fields.pop("format", None)
    if version != FORMAT:
        raise DamagedFileError(
            f"{source} has format {version!r:.40}",
            expected=f"format {FORMAT}",
            fix="use the version of tfx-estimators that wrote it, or a newer one",
        )
    kind = _KINDS[name]
    if unknown := fields.keys() - {field.name for field in dataclasses.fields(kind)}:
        raise DamagedFileError(
            f"{source} has unknown fields: {', '.join(sorted(unknown))!r:.80}",
            expected=f"the fields of {kind.__name__}",
            fix="use the version of tfx-estimators that wrote it, or a newer one",
        )
    record: Record = parse(text, kind, source)
    return record
