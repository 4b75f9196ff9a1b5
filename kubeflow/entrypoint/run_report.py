"""The report on a run, made by the run's last step.

There need not be ML Metadata on a cluster: the step imports the records that all steps
wrote into a store of its own, and reports from that.
"""

from __future__ import annotations

import json
import pathlib
import tempfile
from collections.abc import Iterable

from tfx_estimators.environment_variables import RECORDS
from tfx_estimators.errors import StepInputError
from tfx_estimators.kubeflow.entrypoint.invocation import Invocation
from tfx_estimators.kubeflow.entrypoint.record_folder import folder_of_records
from tfx_estimators.kubeflow.entrypoint.uris import local_path, task_place
from tfx_estimators.kubeflow.kubernetes_names import CHECKPOINT_STORES, REPORT_PAGE
from tfx_estimators.lineage.reconcile import reconcile
from tfx_estimators.lineage.records import Record, StepRecord
from tfx_estimators.lineage.runs import find_run
from tfx_estimators.lineage.store import open_store
from tfx_estimators.pipelines.recording import folders_of_step, folders_of_store, records_in
from tfx_estimators.report.document import report_on
from tfx_estimators.whole_files import staged

__all__ = ["write_report"]

# What trainers, tuners and pushers make, which leave records of their own.
_KINDS = frozenset({"ModelRun", "TunerResults", "PushedModel"})


def write_report(invocation: Invocation) -> dict[str, str]:
    """Writes the page.

    Returns:
        no output parameters.

    Raises:
        StepInputError: if it is not known where the records are.
        MissingFilesError: if there are none.
        NotInMetadataError: if none is of this run.
    """
    (page,) = invocation.outputs[REPORT_PAGE]
    folder = folder_of_records([page["uri"]])
    if folder is None:
        raise StepInputError(
            "the report cannot be made: it is not known where the steps keep their records",
            expected=f"{RECORDS}, a folder on a volume that all steps mount",
            fix="compile with --claim checkpoints:/volume --root /volume/PIPELINE",
        )
    records = _records(invocation, folder)
    with tempfile.TemporaryDirectory() as scratch:
        database = pathlib.Path(scratch, "metadata.sqlite")
        store = open_store(str(database), write=True, create=True)
        store.name = f"the records in {folder}"
        reconcile(store, records)
        text = report_on(store, find_run(store, invocation.run)).html
    file = pathlib.Path(local_path(page["uri"]))
    file.parent.mkdir(parents=True, exist_ok=True)
    with staged(file) as fresh:
        fresh.write_text(text, encoding="utf-8")
    return {}


def _records(invocation: Invocation, folder: str) -> list[Record]:
    """Those of a pipeline's steps, and what its trainers and pushers left elsewhere."""
    found = _of(invocation.pipeline, [folder])
    elsewhere: set[str] = set()
    for store in json.loads(invocation.parameters[CHECKPOINT_STORES]):
        elsewhere |= folders_of_store(store)
    for record in found:
        if isinstance(record, StepRecord) and _KINDS & {one.type for one in record.outputs}:
            place = task_place(record.outputs[0].uri)
            root = "" if place is None else f"{place.root}/{place.run}"
            elsewhere |= folders_of_step(record.parameters, root)
    return [*found, *_of(invocation.pipeline, elsewhere)]


def _of(pipeline: str, folders: Iterable[str]) -> list[Record]:
    return [record for record in records_in(folders) if record.pipeline == pipeline]
