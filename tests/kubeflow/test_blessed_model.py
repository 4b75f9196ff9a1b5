"""What the lookup of a baseline leaves in the records."""

from __future__ import annotations

import json
import pathlib
import time
from typing import Any

import pytest

from tfx_estimators.kubeflow.entrypoint import Invocation
from tfx_estimators.kubeflow.entrypoint.step import run_step
from tfx_estimators.lineage.record_files import read_records, write_record
from tfx_estimators.lineage.records import ArtifactRecord, StepRecord

pytestmark = pytest.mark.stacks

_EXECUTOR = "tfx_estimators.kubeflow.blessed_model_executor.BlessedModelExecutor"


def test_a_baseline_comes_from_the_blessed_model_and_not_from_the_candidate(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = tmp_path / "records"
    monkeypatch.setenv("TFX_ESTIMATORS_RECORDS", str(records))
    blessed, candidate = tmp_path / "blessed", tmp_path / "candidate"
    for model in (blessed, candidate):
        model.mkdir()
        (model / "saved_model.pb").write_text(model.name)
    judged: dict[str, Any] = {"blessed": 1, "current_model": str(blessed)}
    record = StepRecord(
        pipeline="p", run="before", node="Evaluator", execution="before.Evaluator",
        wall_time=time.time(), type="Evaluator", state="complete", began=time.time(),
        parameters={}, inputs=(),
        outputs=(
            ArtifactRecord(
                key="blessing", type="ModelBlessing", uri=str(tmp_path / "b"), properties=judged
            ),
        ),
    )  # fmt: skip
    write_record(str(records), record)
    uri = tmp_path / "root" / "p" / "run" / "lookup" / "model"
    schema = {"instanceSchema": "title: tfx.Model"}
    given = {
        "inputs": {
            "artifacts": {"candidate": {"artifacts": [{"uri": str(candidate), "type": schema}]}},
            "parameterValues": {"pipeline_name": "p"},
        },
        "outputs": {
            "artifacts": {"model": {"artifacts": [{"uri": str(uri), "type": schema}]}},
            "outputFile": str(tmp_path / "task" / "output.json"),
        },
    }
    spec = {"artifacts": {"candidate": {"artifactType": schema}}}
    arguments = [
        "--executor_class_path", _EXECUTOR,
        "--json_serialized_invocation_args", json.dumps(given),
        "--json_serialized_inputs_spec_args", json.dumps(spec),
        "--tfx_pipeline=p", "--tfx_node=lookup",
    ]  # fmt: skip
    run_step(Invocation.parse(arguments))
    assert (uri / "saved_model.pb").read_text() == "blessed"
    (looked,) = (
        found
        for found in read_records(str(records)).values()
        if isinstance(found, StepRecord) and found.node == "lookup"
    )
    assert [held.uri for held in looked.inputs] == [str(blessed)]
