"""Imports the records that the steps of a run wrote beside their outputs."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.user_code import text_of
from tfx_estimators.lineage.maintenance.unfinished import end_unfinished, note_process
from tfx_estimators.lineage.reconcile import Reconciled, reconcile
from tfx_estimators.lineage.record_files import paths_below, read_records
from tfx_estimators.lineage.records import Record
from tfx_estimators.lineage.store import Store, open_store

__all__ = ["Telling", "folders_of_step", "folders_of_store", "record_run", "records_in", "warned"]


class Telling:
    """Tells ML Metadata of a run what TFX does not. What cannot be told fails no run.

    Before the run the store is made, and executions that an earlier process left running
    are ended. After it, a failed one too, it hears of the checkpoints.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        say: takes one line for the user, where something could not be told.

    Raises:
        MetadataStoreError: on entering, if there is no store that a run could write.
    """

    def __init__(self, pipeline: Any, say: Callable[[str], None]) -> None:
        self._pipeline = pipeline
        self._say = say
        self._store: Store | None = None
        self._file = (0, 0)

    def __enter__(self) -> Telling:
        config = self._pipeline.metadata_connection_config
        if config is not None:
            self._store = open_store(config, write=True, create=True)
            self._file = _file_of(config)
            with warned("ML Metadata may show steps of earlier runs as running", self._say):
                end_unfinished(self._store)
        return self

    def begun(self, execution: int) -> None:
        """Notes that this process runs an execution."""
        if self._store is not None:
            with warned("ML Metadata does not know which process runs the step", self._say):
                note_process(self._store, execution)

    def __exit__(self, *_: object) -> None:
        config = self._pipeline.metadata_connection_config
        if self._store is not None and _file_of(config) != self._file:
            # Whatever a step failed with then, as TFX does, has this for its cause.
            self._say(
                f"warning: {config.sqlite.filename_uri} was removed or replaced during the run; "
                "what it held before is lost"
            )
        with warned("the checkpoints are not in ML Metadata yet", self._say):
            record_run(self._pipeline)
        if self._store is not None:
            with warned("ML Metadata may show steps of this run as running", self._say):
                end_unfinished(self._store, here=True)


def _file_of(config: Any) -> tuple[int, int]:
    """Which file a store is; (0, 0) where it is none, or a file that is gone."""
    path = config.sqlite.filename_uri if hasattr(config, "sqlite") else ""
    if not path:
        return 0, 0
    try:
        state = pathlib.Path(path).stat()
    except OSError:
        return 0, 0
    return state.st_dev, state.st_ino


@contextlib.contextmanager
def warned(what: str, say: Callable[[str], None]) -> Iterator[None]:
    """Has a block that tells ML Metadata of a run warn where it fails.

    What the run comes to counts more; the records stay where they are.

    Args:
        what: what follows from it, as the beginning of a sentence.
        say: takes one line for the user.
    """
    try:
        yield
    except Exception as error:  # A bucket's errors are TensorFlow's.
        say(f"warning: {what}: {text_of(error)}")


def record_run(pipeline: Any, folders: Sequence[str] = ()) -> Reconciled | None:
    """Reconciles the records of a pipeline's trainings and pushes with its metadata.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`; without a
            `metadata_connection_config` nothing is recorded.
        folders: of further records, e.g. those of a package's steps.

    Returns:
        what was done; None if there was nothing to tell.

    Raises:
        MetadataStoreError: if the store cannot be opened or written.
    """
    from tfx_estimators.components import EstimatorPusher, EstimatorTrainer, EstimatorTuner

    config = pipeline.metadata_connection_config
    kinds = (EstimatorTrainer, EstimatorTuner, EstimatorPusher)
    steps = [node for node in pipeline.components if isinstance(node, kinds)]
    root = pipeline.pipeline_info.pipeline_root
    found = {one for step in steps for one in folders_of_step(step.exec_properties, root)}
    records = list(records_in({*folders, *found}))
    if config is None or not records:
        return None
    return reconcile(open_store(config, write=True, create=True), records)


def folders_of_step(properties: Mapping[str, Any], pipeline_root: str) -> set[str]:
    """Where a step leaves records of its checkpoints and of what it pushed.

    Args:
        properties: its execution properties.
        pipeline_root: what checkpoints lie below unless anything is said.

    Returns:
        folders, whether they are there or not.
    """
    from google.protobuf import json_format
    from tfx.proto import pusher_pb2

    from tfx_estimators.components.pusher.publication import RECORDS
    from tfx_estimators.components.trainer.checkpoints.store_folder import store_folder

    if said := properties.get("push_destination"):
        destination = pusher_pb2.PushDestination()
        json_format.Parse(said, destination)
        return {f"{destination.filesystem.base_directory.rstrip('/')}/{RECORDS}"}
    return folders_of_store(store_folder(properties, pipeline_root))


def folders_of_store(store: str) -> set[str]:
    """A store of checkpoints, and the folders of those of its trainings that lie elsewhere."""
    from tfx_estimators.components.trainer.checkpoints.model_dirs import (
        MODEL_DIRS_FILE,
        noted_model_dirs,
    )

    noting = [path for path in paths_below(store, files_for(store))
              if path.endswith(f"/{MODEL_DIRS_FILE}")]  # fmt: skip
    return {store, *(one for path in noting for one in noted_model_dirs(path.rpartition("/")[0]))}


def records_in(folders: Iterable[str]) -> Iterator[Record]:
    """The records in those of the folders that are there."""
    for folder in sorted(folders):
        files = files_for(folder)
        if files.exists(folder):
            yield from read_records(folder, files).values()
