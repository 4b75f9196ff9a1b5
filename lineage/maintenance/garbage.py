"""Finds checkpoints that nothing needs any more, and removes them.

Kept are those that a model or a pushed version was exported from, every checkpoint of an
execution whose model does not say from which, and the newest of each training, from which
it would resume. Removed is only what lies in the store itself, is called as a checkpoint's
files are, and has the recorded content.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import re
from collections.abc import Iterator, Sequence

from tfx_estimators.errors import MissingFilesError, UnsupportedOptionError
from tfx_estimators.lineage.digests import checkpoint_digest
from tfx_estimators.lineage.files import LOCAL, Files
from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.models import list_models
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, value_of
from tfx_estimators.lineage.reconcile import reconcile
from tfx_estimators.lineage.record_files import Scanned, paths_below, replace_record, scan_records
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord
from tfx_estimators.lineage.store import Store
from tfx_estimators.places import canonical, inside

__all__ = ["Garbage", "find_garbage", "remove"]

# As TensorFlow names the files of a checkpoint; nothing else is removed.
_FILE = re.compile(r"(.+)\.(?:index|meta|data-\d{5}-of-\d{5})", re.DOTALL)
_log = logging.getLogger(__name__)
# What a model may lose its checkpoint over: it is gone itself.
_GONE = ("deleted", "marked_for_deletion", "abandoned")


@dataclasses.dataclass(frozen=True)
class Garbage:
    """A checkpoint that nothing needs.

    Attributes:
        path: of its record.
        record: the record.
        prefix: what the names of its files begin with.
        files: what would be removed.
    """

    path: str
    record: CheckpointRecord
    prefix: str
    files: tuple[str, ...]


def find_garbage(
    store: Store, folder: str, *, keep_last: int = 2, files: Files = LOCAL
) -> list[Garbage]:
    """Reconciles the folder's records, then finds what could be removed.

    Args:
        store: opened for writing.
        folder: a checkpoint store.
        keep_last: how many of the newest of each training are kept in any case.
        files: the file system.

    Raises:
        UnsupportedOptionError: if none is to be kept, from which a training would resume.
        MissingFilesError: if the folder does not exist, or holds no records.
    """
    if keep_last < 1:
        raise UnsupportedOptionError(
            f"keep_last={keep_last}",
            expected="at least 1: training resumes from its newest checkpoint",
            fix="correct keep_last",
        )
    folder = canonical(folder)
    scanned = scan_records(folder, files)
    if not scanned.records:
        raise MissingFilesError(
            f"{folder} is not a checkpoint store: it has no records",
            expected="a folder where trainers keep their checkpoints",
            fix="check the path: it is the trainer's checkpoint_store",
        )
    reconcile(store, scanned.records.values())
    checkpoints = _Checkpoints(scanned)
    # TFX may not have published these yet.
    known = {model.digest for model in list_models(store, limit=None)}
    needed = _exported(store) | checkpoints.newest(keep_last)
    needed |= {
        record.checkpoint_digest
        for record in scanned.records.values()
        if isinstance(record, ModelRecord) and record.digest not in known
    }
    there = _files_by_prefix(folder, files)
    return [
        Garbage(path, record, place, tuple(there[place]))
        for path, record, place in checkpoints.not_needed(needed)
        if _may_go(path, place, folder) and place in there
    ]


def remove(store: Store, garbage: Sequence[Garbage], files: Files = LOCAL) -> list[Garbage]:
    """Removes checkpoints: first the record says so, then the files go, then the store knows.

    One whose files are not those that were recorded is left alone, and so is one that cannot
    be removed.

    Returns:
        those that were removed.
    """
    gone = []
    for item in garbage:
        if not _is_as_recorded(item, files):
            _log.warning("left alone: %s does not match its record", item.record.uri)
            continue
        try:
            _remove(item, files)
        except files.failures as error:
            _log.warning("could not be removed: %s", error)
            continue
        gone.append(item)
    reconcile(store, [dataclasses.replace(item.record, kept=False) for item in gone])
    return gone


def _remove(item: Garbage, files: Files) -> None:
    record = dataclasses.replace(item.record, kept=False)
    # On a full disk there is room for the record once the files are gone.
    told = False
    with contextlib.suppress(*files.failures):
        replace_record(item.path, record, files)
        told = True
    try:
        # The index last: without it the others are not found again.
        for path in sorted(item.files, key=lambda path: path.endswith(".index")):
            # Suppressed: the training's own retention was quicker.
            with contextlib.suppress(FileNotFoundError):
                files.remove(path)
    except files.failures:
        if told and _is_as_recorded(item, files):
            replace_record(item.path, item.record, files)
        raise
    if not told:
        replace_record(item.path, record, files)


class _Checkpoints:
    """The checkpoint records of a store, and where their files are in fact."""

    def __init__(self, scanned: Scanned) -> None:
        self._found = [
            (path, record, canonical(record.uri))
            for path, record in scanned.records.items()
            if isinstance(record, CheckpointRecord)
        ]
        # What a record that cannot be read asks for is not known.
        self._unsure = {canonical(path.rpartition("/")[0]) for path in scanned.skipped}

    def newest(self, keep_last: int) -> set[str]:
        """Digests of the newest checkpoints of each training."""
        trainings: dict[str, list[CheckpointRecord]] = {}
        for _, record, _ in self._found:
            if record.kept:
                trainings.setdefault(record.fingerprint, []).append(record)
        return {
            record.digest
            for written in trainings.values()
            for record in sorted(written, key=lambda r: (r.step, r.wall_time))[-keep_last:]
        }

    def not_needed(self, needed: set[str]) -> Iterator[tuple[str, CheckpointRecord, str]]:
        """Records whose digest is not needed, with their paths and places."""
        # A training begun afresh writes over older checkpoints: the files are the new one's.
        taken = {place for _, record, place in self._found if record.digest in needed}
        for path, record, place in self._found:
            if record.digest in needed or place in taken:
                continue
            if place.rpartition("/")[0] in self._unsure:
                _log.warning("left alone: %s; a record beside it cannot be read", record.uri)
                continue
            taken.add(place)  # Once, whoever else speaks of it.
            yield path, record, place


def _may_go(path: str, place: str, folder: str) -> bool:
    # A record must not make us remove anything else.
    if inside(folder, place):
        return True
    _log.warning("left alone: %s says that it is at %s, outside %s", path, place, folder)
    return False


def _files_by_prefix(folder: str, files: Files) -> dict[str, list[str]]:
    """Every file below a folder that is called as one of a checkpoint is, by its prefix."""
    found: dict[str, list[str]] = {}
    for path in paths_below(folder, files):
        if named := _FILE.fullmatch(path):
            found.setdefault(named[1], []).append(path)
    return found


def _is_as_recorded(item: Garbage, files: Files) -> bool:
    try:
        return checkpoint_digest(item.prefix, files) == item.record.digest
    except MissingFilesError:
        return False
    except files.failures:
        return False


def _exported(store: Store) -> set[str]:
    """Digests of the checkpoints that models in the store need."""
    needed, silent = set[str](), set[int]()
    for model in list_models(store, limit=None):
        if model.state in _GONE and not model.versions:
            continue
        if model.checkpoint_digest is None:
            silent.add(model.id)
        else:
            needed.add(model.checkpoint_digest)
    graph = Graph(store)
    outputs = graph.outputs(graph.producers(silent).values())
    for artifact in graph.artifacts(n for numbers in outputs.values() for n in numbers).values():
        if artifact.type == CHECKPOINT_TYPE:
            needed.add(str(value_of(artifact, "digest")))
    return needed
