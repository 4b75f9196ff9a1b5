"""Goes on from a finished training that differs in its number of steps alone.

Every training notes in its folder what its fingerprint stands for, as digests, so that a later
one can tell what differs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.trainer.checkpoints.training import FOREIGN, Training
from tfx_estimators.errors import DamagedFileError, TrainingError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import read
from tfx_estimators.lineage.record_files import read_records, write_record
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord, Record
from tfx_estimators.whole_files import write_whole

__all__ = ["WORK_FILE", "Base", "find_base", "note_work", "take_over"]

WORK_FILE = "work.json"
_FRESH = "fresh"
_IN_WORDS = {"module_digest": "the module", "train_args": "train_args beside num_steps"}


@dataclasses.dataclass(frozen=True)
class Base:
    """A finished training that another one goes on from.

    Attributes:
        folder: the training's.
        checkpoint: the record of its last checkpoint.
    """

    folder: str
    checkpoint: CheckpointRecord

    @property
    def step(self) -> int:
        """The step at which it ended."""
        return self.checkpoint.step


@dataclasses.dataclass(frozen=True)
class _Note:
    """What is read of another training's work."""

    steps: int | None
    parts: dict[str, str]


@dataclasses.dataclass(frozen=True)
class _Finished:
    """A training of the same step that has ended."""

    folder: str
    work: _Note
    model: ModelRecord
    checkpoint: CheckpointRecord | None


def note_work(training: Training) -> None:
    """Notes what a training's fingerprint stands for, where that is known."""
    work = training.work
    if work is None:
        return
    path, files = f"{training.folder}/{WORK_FILE}", files_for(training.folder)
    text = dumps({"steps": work.steps, "parts": dict(work.parts)}, indent=1)
    write_whole(path, text, files.open, files.rename)


def find_base(training: Training) -> Base | None:
    """The finished training with the most steps that this one can go on from.

    Returns:
        None if the training is not to extend another one, or has begun already.

    Raises:
        TrainingError: if there is none, with what differs.
    """
    from tfx_estimators.estimator.checkpoints import list_checkpoints

    work = training.work
    if work is None or not work.extends or list_checkpoints(training.folder):
        return None
    if work.steps is None:
        raise _refused(
            "its number of steps is not set: it trains on one pass over the data",
            "set num_steps in train_args",
        )
    found = sorted(
        _finished_beside(training), key=lambda one: (one.model.step, one.model.wall_time)
    )
    if not found:
        raise _refused(
            f"{training.folder.rpartition('/')[0]} has none of {training.origin.node} that ended "
            "at its num_steps (those of earlier versions cannot be told)",
            "run without it first",
        )
    same = [one for one in found if not _differences(training, one)]
    if not same:
        newest = max(found, key=lambda one: one.model.wall_time)
        differing = ", ".join(_differences(training, newest))
        raise _refused(
            f"the newest finished training, {newest.folder}, also differs in {differing}",
            "undo that, or train from step 0: leave it out",
        )
    shorter = [one for one in same if one.model.step < work.steps]
    if not shorter:
        raise _refused(
            f"the training finished {same[-1].model.step} steps, and {work.steps} are wanted",
            "raise num_steps in train_args (of a ready pipeline: --set trainer.train_steps=...)",
        )
    base = shorter[-1]
    if base.checkpoint is None:
        raise _refused(
            f"the last checkpoint of {base.folder}, of step {base.model.step}, is not there",
            "train from step 0: leave it out",
        )
    return Base(base.folder, base.checkpoint)


def take_over(base: Base, folder: str) -> None:
    """Copies the last checkpoint of a finished training, with its record.

    Args:
        base: the finished training.
        folder: of the training that goes on; nobody else is writing there.

    Raises:
        TrainingError: if the checkpoint is damaged.
    """
    import tensorflow as tf

    from tfx_estimators.estimator.checkpoints import Checkpoint, find_checkpoints, is_whole

    # The store may have been moved since the record was written.
    source = Checkpoint(base.step, f"{base.folder}/{base.checkpoint.uri.rpartition('/')[2]}")
    taken = Checkpoint(base.step, f"{folder}/{source.stem}")
    paths = next(
        paths
        for one, paths in find_checkpoints(base.folder, below=False).items()
        if one.stem == source.stem
    )
    if not is_whole(source):
        raise _refused(
            f"the last checkpoint of {base.folder}, of step {base.step}, is damaged",
            "train from step 0: leave it out",
        )
    files = files_for(folder)
    write_record(folder, dataclasses.replace(base.checkpoint, uri=taken.prefix), files)
    for record in read_records(base.folder, files_for(base.folder)).values():
        # Up to there somebody else has trained: those batches are not skipped.
        if isinstance(record, CheckpointRecord) and record.node == FOREIGN.node:
            stem = record.uri.rpartition("/")[2]
            write_record(
                folder, dataclasses.replace(record, uri=f"{folder}/{stem}", kept=False), files
            )
    # The index last: until then nobody takes it for a checkpoint.
    for path in sorted(paths, key=lambda path: path.endswith(".index")):
        name = path.rpartition("/")[2]
        tf.io.gfile.copy(path, f"{folder}/{name}", overwrite=True)


def _finished_beside(training: Training) -> list[_Finished]:
    """The finished trainings of the same step in the store whose work is known."""
    store = training.folder.rpartition("/")[0]
    files = files_for(store)
    if not files.exists(store):
        return []
    unreadable: tuple[type[Exception], ...] = (DamagedFileError, *files.failures)
    found = []
    _, folders, _ = next(iter(files.walk(store)), (store, [], []))
    for name in sorted(str(folder).rstrip("/") for folder in folders):
        folder = f"{store}/{name}"
        if folder == training.folder or not files.exists(f"{folder}/{WORK_FILE}"):
            continue
        try:
            note = read(f"{folder}/{WORK_FILE}", _Note, files)
        except unreadable:
            continue  # As if it were of an earlier version, which noted nothing.
        records = read_records(folder, files).values()
        models = [
            record
            for record in records
            if isinstance(record, ModelRecord)
            and (record.pipeline, record.node) == (training.origin.pipeline, training.origin.node)
        ]
        # A model of fewer steps is of a training that goes on, or that ended early.
        whole = [record for record in models if record.step == note.steps]
        if whole:
            model = max(whole, key=lambda record: record.wall_time)
            found.append(_Finished(folder, note, model, _last_checkpoint(folder, records, model)))
    return found


def _last_checkpoint(
    folder: str, records: Iterable[Record], model: ModelRecord
) -> CheckpointRecord | None:
    from tfx_estimators.estimator.checkpoints import find_checkpoints

    there = {one.stem for one in find_checkpoints(folder, below=False)}
    for record in records:
        if (
            isinstance(record, CheckpointRecord)
            and record.kept
            and record.digest == model.checkpoint_digest
            and record.uri.rpartition("/")[2] in there
        ):
            return record
    return None


def _differences(training: Training, other: _Finished) -> list[str]:
    """What of two works differs beside the number of steps, in words."""
    assert training.work is not None
    own = training.work.parts
    names = sorted(
        name
        for name in {*own, *other.work.parts}
        if own.get(name) != other.work.parts.get(name)
        # Whoever did not ask for a training of its own takes any.
        and (name != _FRESH or training.work.is_fresh)
    )
    return [_IN_WORDS.get(name, name) for name in names]


def _refused(why: str, fix: str) -> TrainingError:
    return TrainingError(
        f"no finished training can be extended: {why}",
        expected="a finished training that differs in its number of steps alone, which has grown",
        fix=fix,
    )
