"""What a step is cached by that reads files, and what says that it was cached."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from tfx_estimators.errors import StepInputError
from tfx_estimators.kubeflow.entrypoint.data_digest import data_digest
from tfx_estimators.kubeflow.entrypoint.run_record import own_execution, record_cached_steps
from tfx_estimators.kubeflow.entrypoint.step import run_step
from tfx_estimators.lineage.record_files import read_records

pytestmark = pytest.mark.stacks

MODULES = pathlib.Path(__file__).parent / "modules"


def _parameters(base: pathlib.Path, pattern: str) -> dict[str, str]:
    config = {"splits": [{"name": "all", "pattern": pattern}]}
    return {"input_base": str(base), "input_config": json.dumps(config)}


def test_the_digest_follows_what_would_be_read_and_nothing_else(tmp_path: pathlib.Path) -> None:
    base = tmp_path / "data [1]"
    base.mkdir()
    (base / "a.csv").write_text("x\n1\n")
    first = data_digest(_parameters(base, "*.csv"))
    assert len(first) == 64
    os.utime(base / "a.csv", (1, 1))
    (base / "notes.txt").write_text("of no concern")
    assert data_digest(_parameters(base, "*.csv")) == first
    # Of the same size and time: TFX's own fingerprint sees no difference.
    (base / "a.csv").write_text("x\n2\n")
    os.utime(base / "a.csv", (1, 1))
    changed = data_digest(_parameters(base, "*.csv"))
    (base / ".b.csv").write_text("x\n3\n")
    more = data_digest(_parameters(base, "*.csv"))
    (base / ".b.csv").rename(base / "c.csv")
    assert len({first, changed, more, data_digest(_parameters(base, "*.csv"))}) == 4


def test_a_new_span_has_another_digest_even_with_the_same_rows(tmp_path: pathlib.Path) -> None:
    (tmp_path / "span-1").mkdir()
    (tmp_path / "span-1" / "a.csv").write_text("x\n1\n")
    first = data_digest(_parameters(tmp_path, "span-{SPAN}/*.csv"))
    (tmp_path / "span-2").mkdir()
    (tmp_path / "span-2" / "a.csv").write_text("x\n1\n")
    assert data_digest(_parameters(tmp_path, "span-{SPAN}/*.csv")) != first


def test_a_file_that_changes_before_it_is_read_fails_the_step(
    make_invocation: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(MODULES))
    (tmp_path / "schema.pbtxt").write_text("")
    given = {"schema_file": str(tmp_path / "schema.pbtxt")}
    digest = data_digest(given)

    def invoke() -> None:
        outputs = {"made": (str(tmp_path / "made"), {"schemaTitle": "tfx.Integer"}, {})}
        number = {"number": (str(tmp_path / "number"), None, {})}
        run_step(
            make_invocation(
                "small_executors.Value",
                inputs=number,
                outputs=outputs,
                parameters={**given, "tfx_estimators_data_digest": digest},
                spec={"artifacts": {"number": {"artifactType": {"schemaTitle": "tfx.Integer"}}}},
            )
        )

    (tmp_path / "number").write_text("21")
    invoke()
    (tmp_path / "task" / "executor_output.json").unlink()
    (tmp_path / "schema.pbtxt").write_text("feature {}")
    with pytest.raises(StepInputError, match="have changed during the run"):
        invoke()
    assert not (tmp_path / "task" / "executor_output.json").exists()


def test_a_cached_step_is_recorded_in_its_run(
    make_invocation: Callable[..., Any],
    answer: Callable[[], dict[str, Any]],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tfx_estimators.lineage.reconcile import reconcile_folder
    from tfx_estimators.lineage.runs import list_runs
    from tfx_estimators.lineage.store import open_store

    monkeypatch.syspath_prepend(str(MODULES))
    monkeypatch.setenv("TFX_ESTIMATORS_RECORDS", str(tmp_path / "records"))
    (tmp_path / "number").write_text("21")
    said = {}
    for run, node in (("run-1", "Left"), ("run-1", "Right"), ("run-2", "Right")):
        monkeypatch.setenv("KFP_POD_NAME", f"{run}-{node}-pod")
        made = tmp_path / "p" / run / node / "made"
        step = make_invocation(
            "small_executors.Value",
            "--tfx_pipeline=p",
            f"--tfx_node={node}",
            inputs={"number": (str(tmp_path / "number"), None, {})},
            outputs={"made": (str(made), {"schemaTitle": "tfx.Integer"}, {})},
            spec={"artifacts": {"number": {"artifactType": {"schemaTitle": "tfx.Integer"}}}},
            output_parameters={"tfx_estimators_execution": {"outputFile": str(tmp_path / "x")}},
        )
        run_step(step)
        said[node] = answer()["parameterValues"]["tfx_estimators_execution"]
        assert said[node] == own_execution(step)
    # Left comes from the cache, and says what it said then.
    last = make_invocation(
        "unused",
        "--tfx_pipeline=p",
        outputs={"executor-logs": (str(tmp_path / "p" / "run-2" / "last" / "log"), None, {})},
        parameters={"execution_0": said["Left"], "execution_1": said["Right"]},
    )
    for _ in range(2):  # As after a retry.
        assert record_cached_steps(last) == {}
    states = {
        (record.run, record.node): record.state
        for record in read_records(str(tmp_path / "records")).values()
    }
    assert states == {
        ("run-1", "Left"): "complete", ("run-1", "Right"): "complete",
        ("run-2", "Left"): "cached", ("run-2", "Right"): "complete",
    }  # fmt: skip
    store = open_store(tmp_path / "store.sqlite", write=True, create=True)
    reconcile_folder(store, str(tmp_path / "records"))
    second = next(run for run in list_runs(store) if run.name == "run-2")
    assert {step.node: step.state for step in second.steps} == {
        "Left": "cached", "Right": "complete",
    }  # fmt: skip
    uri = str(tmp_path / "p" / "run-1" / "Left" / "made")
    (artifact,) = store.get_artifacts_by_uri(uri)
    assert len(store.get_events_by_artifact_ids([artifact.id])) == 2
