"""Tells ML Metadata what the steps of a run have written down beside their outputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.lineage.reconcile import Reconciled, reconcile
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import Record
from tfx_estimators.lineage.store import open_store

__all__ = ["record_run"]


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
    config = pipeline.metadata_connection_config
    records = list(_read({*folders, *_checkpoint_stores(pipeline), *_push_records(pipeline)}))
    if config is None or not records:
        return None
    return reconcile(open_store(config, write=True, create=True), records)


def _checkpoint_stores(pipeline: Any) -> set[str]:
    from tfx_estimators.components import EstimatorTrainer
    from tfx_estimators.components.trainer.store import store_folder

    root = pipeline.pipeline_info.pipeline_root
    trainers = [node for node in pipeline.components if isinstance(node, EstimatorTrainer)]
    return {store_folder(node.exec_properties, root) for node in trainers}


def _push_records(pipeline: Any) -> set[str]:
    from google.protobuf import json_format
    from tfx.proto import pusher_pb2

    from tfx_estimators.components import EstimatorPusher
    from tfx_estimators.components.pusher.publication import RECORDS

    folders = set()
    for node in pipeline.components:
        if isinstance(node, EstimatorPusher):
            destination = pusher_pb2.PushDestination()
            json_format.Parse(node.exec_properties["push_destination"], destination)
            base = destination.filesystem.base_directory.rstrip("/")
            folders.add(f"{base}/{RECORDS}")
    return folders


def _read(folders: Iterable[str]) -> Iterable[Record]:
    for folder in sorted(folders):
        files = files_for(folder)
        if files.exists(folder):
            yield from read_records(folder, files).values()
