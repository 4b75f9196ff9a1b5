"""Which steps of a run were answered from the backend's cache.

The backend starts nothing for a cached step, so the step leaves no lineage record. But it
gives the step's output parameters on, as they were. Every step says in one of them which
execution it is, and the last step of a run, which is never cached, gets them all: a record
of a cached step is the record of the execution that made its outputs, in the run's name.
"""

from __future__ import annotations

import dataclasses
import logging
import time

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import DamagedFileError
from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.entrypoint.invocation import UNKNOWN, Invocation
from tfx_estimators.kubeflow.entrypoint.record_folder import folder_of_records
from tfx_estimators.lineage.documents import parse
from tfx_estimators.lineage.record_files import record_path, write_record
from tfx_estimators.lineage.records import StepRecord, from_json

__all__ = ["own_execution", "record_cached_steps"]

_log = logging.getLogger(__name__)


def own_execution(invocation: Invocation) -> str:
    """What a step says of itself: its node, run and attempt, as JSON."""
    return dumps([invocation.node, invocation.run, invocation.attempt])


def record_cached_steps(invocation: Invocation) -> dict[str, str]:
    """Writes a record for each step that said the name of another run.

    Records that cannot be read or written do not fail the run.

    Args:
        invocation: its parameters are what the steps said.

    Returns:
        no output parameters.
    """
    folder = folder_of_records([invocation.output_file])
    if folder is None or invocation.run == UNKNOWN:
        _log.warning("which steps were cached is not recorded: this run's name or the folder of "
                     "its records is not known")  # fmt: skip
        return {}
    files = files_for(folder)
    failures: tuple[type[Exception], ...] = (DamagedFileError, *files.failures)
    for said in invocation.parameters.values():
        try:
            node, run, attempt = parse(said, tuple[str, str, str], "what a step says of itself")
        except DamagedFileError as error:
            _log.warning("%s", error)
            continue
        if run == invocation.run:
            continue  # It ran, and wrote a record.
        asked = StepRecord(
            pipeline=invocation.pipeline, run=run, node=node, execution=attempt,
            wall_time=0, type=node, state="complete", began=0,
        )  # fmt: skip
        path = record_path(folder, asked)
        try:
            with files.open(path, "rb") as file:
                made = from_json(file.read(), path)
            if not isinstance(made, StepRecord):
                raise DamagedFileError(f"{path} is damaged: it is no record of a step")
            now = time.time()
            cached = dataclasses.replace(
                made, run=invocation.run, execution=f"{invocation.run}.{node}", state="cached",
                began=now, wall_time=now,
            )  # fmt: skip
            write_record(folder, cached, files)
        except failures as error:
            _log.warning("that %s was cached is not recorded: %s", node, error)
    return {}
