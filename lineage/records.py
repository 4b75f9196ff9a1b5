"""What the components write beside their files, for ML Metadata to be told later.

TFX publishes nothing from a failed execution and gives executors no metadata
connection, and Kubeflow may record nothing at all. So whoever writes a checkpoint,
a SavedModel or a pushed version writes a small JSON record beside it, and
`reconcile` turns the records into artifacts, contexts and events.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from typing import Any, ClassVar

from tfx_estimators.errors import CorruptRecordError
from tfx_estimators.json_text import dumps

__all__ = [
    "FORMAT",
    "ArtifactRecord",
    "CheckpointRecord",
    "ModelRecord",
    "PushRecord",
    "Record",
    "StepRecord",
    "from_json",
    "to_json",
]

FORMAT = 1
"""Version of the records' format; another one is refused."""

_CHECKPOINT_FORMATS = ("saver", "object")
_STATES = ("running", "complete", "failed")


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

    kind: ClassVar[str]

    pipeline: str
    run: str
    node: str
    execution: str | None = None
    wall_time: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointRecord(_Origin):
    """A checkpoint.

    Attributes:
        uri: the checkpoint's prefix, e.g. "/store/3fa2/model.ckpt-1200".
        digest: `digests.checkpoint_digest` of its files.
        fingerprint: of all that determines the training's result.
        step: the global step.
        global_examples: how many examples were trained on up to here.
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

    uri: str
    digest: str
    fingerprint: str
    step: int
    global_examples: int
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    size_bytes: int
    checkpoint_format: str = "saver"
    kept: bool = True
    resumed_from: str | None = None

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

    uri: str
    digest: str
    checkpoint_digest: str
    fingerprint: str
    step: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PushRecord(_Origin):
    """A version that was pushed.

    Attributes:
        uri: of the PushedModel artifact.
        version: the version's name, a number.
        destination: the version's folder.
        model_uri: uri of the Model artifact that was pushed.
        model_digest: digest of the SavedModel that was pushed.
    """

    kind: ClassVar[str] = "push"

    uri: str
    version: str
    destination: str
    model_uri: str
    model_digest: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArtifactRecord:
    """An artifact that a step read or wrote.

    Attributes:
        key: the input's or output's name, e.g. "examples".
        type: the artifact type's name.
        uri: where it lies.
        properties: its custom properties, without numbers that are not finite.
    """

    key: str
    type: str
    uri: str
    properties: dict[str, str | int | float] = dataclasses.field(default_factory=dict)

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
        state: "running", "complete" or "failed".
        began: when it began, in seconds since 1970 (UTC); `wall_time` is when it got into its
            state.
        parameters: the execution properties.
        inputs: what it read.
        outputs: what it wrote.
    """

    kind: ClassVar[str] = "step"

    type: str
    state: str
    began: float
    parameters: dict[str, str | int | float] = dataclasses.field(default_factory=dict)
    inputs: tuple[ArtifactRecord, ...] = ()
    outputs: tuple[ArtifactRecord, ...] = ()


Record = CheckpointRecord | ModelRecord | PushRecord | StepRecord

_KINDS: dict[str, type[Record]] = {
    "checkpoint": CheckpointRecord,
    "model": ModelRecord,
    "push": PushRecord,
    "step": StepRecord,
}


def to_json(record: Record) -> str:
    """The record as JSON text, keys in a fixed order."""
    fields = {"kind": record.kind, "format": FORMAT, **dataclasses.asdict(record)}
    return dumps(fields, indent=1) + "\n"


def from_json(text: str, source: str = "the record") -> Record:
    """Reads what `to_json` wrote.

    Args:
        text: JSON.
        source: what to call it in errors, usually a file.

    Raises:
        CorruptRecordError: if it is no JSON, of another format version, or if a key is
            missing, unknown or of another type.
    """
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise CorruptRecordError(
            f"{source} is not JSON: {error}",
            expected="a record that was written to its end",
            fix="nothing, if its writer was killed: the checkpoint before it has its own",
        ) from error
    if not isinstance(fields, dict) or fields.get("kind") not in _KINDS:
        raise CorruptRecordError(
            f"{source} is no lineage record",
            expected=f'an object with "kind", one of {", ".join(_KINDS)}',
            fix="give the folder that the trainer kept its checkpoints in",
        )
    kind, version = _KINDS[fields.pop("kind")], fields.pop("format", None)
    if version != FORMAT:
        raise CorruptRecordError(
            f"{source} has format {version!r}",
            expected=f"format {FORMAT}",
            fix="use the version of tfx-estimators that wrote it, or a newer one",
        )
    record: Record = _build(kind, fields, source)
    _check_choice(record, source)
    return record


def _build(kind: Any, fields: dict[str, Any], source: str) -> Any:
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in dataclasses.fields(kind)}
    optional = (dataclasses.MISSING, dataclasses.MISSING)
    missing = [
        name
        for name, field in known.items()
        if name not in fields and (field.default, field.default_factory) == optional
    ]
    unknown = [name for name in fields if name not in known]
    if missing or unknown:
        said = [f"lacks {', '.join(missing)}"] if missing else []
        said += [f"has the unknown {', '.join(unknown)}"] if unknown else []
        raise CorruptRecordError(
            f"{source} {' and '.join(said)}",
            expected=f"the fields of {kind.__name__}",
            fix="write records with tfx_estimators.lineage.record_files.write_record",
        )
    values = {
        name: _check(value, hints[name], f"{source}: {name}") for name, value in fields.items()
    }
    return kind(**values)


def _check(value: Any, hint: Any, source: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict and isinstance(value, dict):
        return {name: _check(v, arguments[1], f"{source}[{name!r}]") for name, v in value.items()}
    if origin is tuple and isinstance(value, (list, tuple)):
        items = enumerate(value)
        return tuple(_check_item(v, arguments[0], f"{source}[{i}]") for i, v in items)
    allowed = set(arguments) if origin is types.UnionType else {hint}
    if type(value) in allowed or (value is None and type(None) in allowed):
        return value
    # JSON does not tell 1.0 from 1; a bool, an int in Python, is neither.
    if float in allowed and type(value) is int:
        return float(value)
    raise CorruptRecordError(
        f"{source} is {value!r}",
        expected=str(getattr(hint, "__name__", hint)),
        fix="write records with tfx_estimators.lineage.record_files.write_record",
    )


def _check_item(value: Any, hint: Any, source: str) -> Any:
    if not isinstance(value, dict):
        raise CorruptRecordError(f"{source} is {value!r}", expected=f"a {hint.__name__} object")
    return _build(hint, value, source)


def _check_choice(record: Record, source: str) -> None:
    choices: tuple[str, ...] = ()
    value = ""
    if isinstance(record, CheckpointRecord):
        choices, value = _CHECKPOINT_FORMATS, record.checkpoint_format
    elif isinstance(record, StepRecord):
        choices, value = _STATES, record.state
    if choices and value not in choices:
        raise CorruptRecordError(f"{source} says {value!r}", expected=f"one of {choices}")
