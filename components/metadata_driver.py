"""Lets a step tell ML Metadata what TFX does not, whoever runs the pipeline.

TFX gives an executor no connection to ML Metadata. It gives one to a component's driver,
which its local and Beam runners call before the executor, in the same process. On Kubeflow
there is no driver: the records are imported there.

Private name: `BaseDriver._mlmd_connection`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.proto.orchestration import driver_output_pb2

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.origin import Origin
from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.lineage.reconcile import reconcile_folder
from tfx_estimators.lineage.store import open_store

__all__ = ["MetadataDriver", "tell_records", "told_of_records"]

_log = logging.getLogger(__name__)
# Pipeline, run and node -> ml-metadata's connection settings.
_CONNECTIONS: dict[tuple[str, str, str], Any] = {}


class MetadataDriver(base_driver.BaseDriver, portable_driver.BaseDriver):
    """Remembers the runner's connection for the executor, and changes nothing.

    TFX's InteractiveContext passes it as `metadata_handle`, and never calls `run`.
    """

    def __init__(self, mlmd_connection: Any = None, *, metadata_handle: Any = None) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_driver.BaseDriver.__init__(self, mlmd_connection)

    def run(self, execution_info: Any) -> Any:
        """Called by TFX's launcher before it looks into the cache."""
        key = (
            execution_info.pipeline_info.id,
            execution_info.pipeline_run_id,
            execution_info.pipeline_node.node_info.id,
        )
        _CONNECTIONS[key] = self.connection_config
        return driver_output_pb2.DriverOutput()

    @property
    def connection_config(self) -> Any:
        """ml-metadata's settings of the runner's connection."""
        return self._mlmd_connection.connection_config


@contextlib.contextmanager
def told_of_records(origin: Origin, folders: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Tells ML Metadata of the records in folders when the block ends, also by an error.

    What cannot be told fails no step: the next run tells it.

    Args:
        origin: the step.
        folders: gives them, at the end of the block.
    """
    config = _CONNECTIONS.pop((origin.pipeline, origin.run, origin.node), None)
    try:
        yield
    finally:
        if config is not None:
            for folder in folders():
                tell_records(config, folder)


def tell_records(config: Any, folder: str) -> None:
    """Tells ML Metadata of the records in a folder.

    What cannot be told fails no step: the next run tells it.

    Args:
        config: ml-metadata's connection settings.
        folder: of the records; it need not exist.
    """
    files = files_for(folder)
    failures: tuple[type[Exception], ...] = (TfxEstimatorsError, *files.failures)
    try:
        if files.exists(folder):
            reconcile_folder(open_store(config, write=True), folder, files)
    except failures as error:
        _log.warning("the records in %s are not in ML Metadata yet: %s", folder, error)
