"""Which checkpoints nothing needs any more, and removing them.

Kept are those that a model or a pushed version was exported from, every checkpoint of an
execution whose model does not say from which, and the newest of each training, from which
it would resume.
"""

from __future__ import annotations

import dataclasses
import logging
import posixpath
from collections.abc import Sequence

from tfx_estimators.errors import NotInMetadataError, UnsupportedOptionError
from tfx_estimators.lineage.digests import checkpoint_files
from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.models import list_models
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, value_of
from tfx_estimators.lineage.reconcile import reconcile, reconcile_folder
from tfx_estimators.lineage.record_files import LOCAL, Files, read_records, replace_record
from tfx_estimators.lineage.records import CheckpointRecord, ModelRecord
from tfx_estimators.lineage.store import Store

__all__ = ["Garbage", "find_garbage", "remove"]

_log = logging.getLogger(__name__)
# What a model may lose its checkpoint over: it is gone itself.
_GONE = ("deleted", "marked_for_deletion", "abandoned")


@dataclasses.dataclass(frozen=True)
class Garbage:
    """A checkpoint that nothing needs.

    Attributes:
        path: of its record.
        record: the record.
        files: what would be removed.
    """

    path: str
    record: CheckpointRecord
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
        NotInMetadataError: if the folder does not exist, or holds no records.
    """
    if keep_last < 1:
        raise UnsupportedOptionError(
            f"keep_last={keep_last}",
            expected="at least 1: a training goes on from its newest checkpoint",
            fix="correct keep_last",
        )
    reconcile_folder(store, folder, files)
    records = read_records(folder, files)
    if not records:
        raise NotInMetadataError(
            f"{folder} is no checkpoint store: there are no records in it",
            expected="a folder that trainings keep their checkpoints in",
            fix="check the path; a trainer's is its checkpoint_store",
        )
    mine = {path: r for path, r in records.items() if isinstance(r, CheckpointRecord)}
    needed = _exported(store) | _newest(list(mine.values()), keep_last)
    # TFX may not have published these yet.
    known = {model.digest for model in list_models(store, limit=None)}
    needed |= {
        record.checkpoint_digest
        for record in records.values()
        if isinstance(record, ModelRecord) and record.digest not in known
    }
    # A training begun afresh writes over older checkpoints: the files are the new one's.
    needed_uris = {record.uri for record in mine.values() if record.digest in needed}
    garbage = []
    for path, record in mine.items():
        if record.digest in needed or record.uri in needed_uris:
            continue
        if not _inside(record.uri, folder):
            _log.warning("left alone: %s says that it lies at %s", path, record.uri)
            continue
        found = checkpoint_files(record.uri, files)
        if found:
            garbage.append(Garbage(path, record, tuple(found)))
    return garbage


def remove(store: Store, garbage: Sequence[Garbage], files: Files = LOCAL) -> None:
    """Removes checkpoints: first the record says so, then the files go, then the store knows."""
    gone = []
    for item in garbage:
        record = dataclasses.replace(item.record, kept=False)
        replace_record(item.path, record, files)
        # The index last: without it the others are not found again.
        for path in sorted(item.files, key=lambda path: path.endswith(".index")):
            files.remove(path)
        gone.append(record)
    reconcile(store, gone)


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


def _newest(records: Sequence[CheckpointRecord], keep_last: int) -> set[str]:
    trainings: dict[str, list[CheckpointRecord]] = {}
    for record in records:
        if record.kept:
            trainings.setdefault(record.fingerprint, []).append(record)
    return {
        record.digest
        for written in trainings.values()
        for record in sorted(written, key=lambda r: (r.step, r.wall_time))[-keep_last:]
    }


def _inside(uri: str, folder: str) -> bool:
    """Whether a uri lies in a folder: a record must not make us remove anything else."""
    return posixpath.normpath(uri).startswith(posixpath.normpath(folder) + "/")
