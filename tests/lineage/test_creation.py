"""A store that several processes make at once is made once, and loses nothing."""

from __future__ import annotations

import multiprocessing
import pathlib
import sqlite3
from typing import Any

from tfx_estimators.lineage.reconcile import reconcile
from tfx_estimators.lineage.records import CheckpointRecord
from tfx_estimators.lineage.store import open_store

_WRITERS, _STORES = 8, 12


def _record(writer: int) -> CheckpointRecord:
    return CheckpointRecord(
        pipeline="p", run=f"run-{writer}", node="Trainer", execution=f"{writer}-Trainer",
        wall_time=float(writer), uri=f"/{writer}/model.ckpt-1", digest=f"{writer:064}",
        fingerprint=f"{writer:032}", step=1, global_examples=1, size_bytes=1,
    )  # fmt: skip


def _write(writer: int, folder: pathlib.Path, barrier: Any, problems: Any) -> None:
    for number in range(_STORES):
        barrier.wait()
        try:
            store = open_store(folder / f"{number}.sqlite", write=True, create=True)
            reconcile(store, [_record(writer)])
        except Exception as error:
            problems.put(str(error))


def test_several_processes_make_one_store_and_lose_nothing(tmp_path: pathlib.Path) -> None:
    # Forked after the import: what it costs is spent once.
    from ml_metadata.metadata_store import MetadataStore  # noqa: F401

    context = multiprocessing.get_context("fork")
    barrier, problems = context.Barrier(_WRITERS), context.SimpleQueue()
    writers = [
        context.Process(target=_write, args=(number, tmp_path, barrier, problems), daemon=True)
        for number in range(_WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(300)
        assert writer.exitcode == 0
    assert problems.empty(), problems.get()
    for number in range(_STORES):
        with sqlite3.connect(tmp_path / f"{number}.sqlite") as connection:
            query = "SELECT string_value FROM ArtifactProperty WHERE name = 'digest'"
            assert len(connection.execute(query).fetchall()) == _WRITERS
