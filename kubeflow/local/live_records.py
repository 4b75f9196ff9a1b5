"""Tells ML Metadata of a package's run while it runs, so that `status` and `runs` show it."""

from __future__ import annotations

import dataclasses
import pathlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from tfx_estimators.lineage.importing.executions import identity_of_step
from tfx_estimators.lineage.maintenance.unfinished import is_abandoned, note_process
from tfx_estimators.lineage.reconcile import reconcile
from tfx_estimators.lineage.record_files import read_records, replace_record
from tfx_estimators.lineage.records import Record, StepRecord
from tfx_estimators.lineage.store import Store, open_store
from tfx_estimators.pipelines.recording import warned

__all__ = ["LiveRecords"]

_SECONDS_BETWEEN_LOOKS = 2.0


class LiveRecords:
    """Imports the records of a run's steps as they come, for the length of a block.

    A step that is killed cannot say that it has failed, so its record says that it runs. At
    the end of the run that is put right, and so it is for earlier runs whose process has died.

    Args:
        config: the connection of ML Metadata; None if the pipeline has none.
        folder: of the records.
        say: takes a line for the user, if something cannot be told.
    """

    def __init__(self, config: Any, folder: pathlib.Path, say: Callable[[str], None]) -> None:
        self._connection, self._folder, self._say = config, folder, say
        self._before: frozenset[str] = frozenset()
        self._seen = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> LiveRecords:
        if self._connection is not None:
            with warned("ML Metadata may show steps of earlier runs as running", self._say):
                if self._folder.is_dir():
                    self._before = frozenset(read_records(str(self._folder)))
                    self._end_abandoned(open_store(self._connection, write=True, create=True))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        with warned("records may show steps of this run as running", self._say):
            for path, record in self._steps().items():
                _end(path, record)

    def _steps(self) -> dict[str, StepRecord]:
        """The records of this run's steps that say that they run."""
        return {path: one for path, one in self._of_any_run().items() if path not in self._before}

    def _of_any_run(self) -> dict[str, StepRecord]:
        return _running(read_records(str(self._folder))) if self._folder.is_dir() else {}

    def _end_abandoned(self, store: Store) -> None:
        for path, record in self._of_any_run().items():
            for execution in store.by_external_ids("executions", [identity_of_step(record)]):
                if is_abandoned(execution):
                    _end(path, record)

    def _look_on(self) -> None:
        if self._connection is None:
            return
        with warned("status does not show this run while it runs", self._say):
            store: Store | None = None
            while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
                changed = self._folder.stat().st_mtime_ns if self._folder.is_dir() else 0
                if changed == self._seen:
                    continue
                self._seen = changed
                store = store or open_store(self._connection, write=True, create=True)
                self._import(store)

    def _import(self, store: Store) -> None:
        found = read_records(str(self._folder))
        mine = {path: record for path, record in found.items() if path not in self._before}
        reconcile(store, list(mine.values()))
        running = [identity_of_step(record) for record in _running(mine).values()]
        for execution in store.by_external_ids("executions", running):
            note_process(store, execution.id)


def _running(records: Mapping[str, Record]) -> dict[str, StepRecord]:
    return {
        path: record
        for path, record in records.items()
        if isinstance(record, StepRecord) and record.state == "running"
    }


def _end(path: str, record: StepRecord) -> None:
    replace_record(path, dataclasses.replace(record, state="failed", wall_time=time.time()))
