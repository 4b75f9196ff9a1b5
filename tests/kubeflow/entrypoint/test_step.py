"""Whole steps: the backend's JSON in, an executor, the backend's JSON out."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tfx_estimators.components import beam_overhead
from tfx_estimators.errors import StepInputError
from tfx_estimators.kubeflow.entrypoint import uris
from tfx_estimators.kubeflow.entrypoint.__main__ import main
from tfx_estimators.kubeflow.entrypoint.step import run_step
from tfx_estimators.lineage.record_files import read_records

pytestmark = pytest.mark.stacks

MODULES = pathlib.Path(__file__).parent / "modules"
USERS_MODULES = pathlib.Path(__file__).parents[2] / "testdata" / "keras_2"
_COPY = "small_executors.Copy"


@pytest.fixture(autouse=True)
def _modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(MODULES))
    for name in ("TFX_ESTIMATORS_RECORDS", "TFX_ESTIMATORS_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "copies" / "bucket" / "source"
    folder.mkdir(parents=True)
    (folder / "text").write_text("hello")
    return folder


def test_uris_of_the_backend_are_read_and_given_back(
    make_invocation, answer, source, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(uris, "_FOLDERS", {"minio://": f"{tmp_path}/copies/"})
    monkeypatch.setenv("TFX_ESTIMATORS_RECORDS", str(tmp_path / "records"))
    step = make_invocation(
        _COPY, "--tfx_pipeline=p", "--tfx_node=Copier",
        inputs={
            "source": (
                "minio://bucket/source",
                {"schemaTitle": "system.Artifact"},
                {"blessed": 1.0, "loss": 0.25},
            ),
            "baseline": ("minio://bucket/none", None, {"tfx_estimators_absent": 1.0}),
        },
        outputs={
            "made": ("minio://bucket/p/run-7/copier/made", None, {}),
            "executor-logs": ("minio://bucket/p/run-7/copier/executor-logs", None, {}),
        },
        parameters={"steps": 3.0},
        spec={
            "artifacts": {"source": {"artifactType": {"instanceSchema": "title: tfx.Model"}}},
            "parameters": {"steps": {"parameterType": "NUMBER_INTEGER"}},
        },
    )  # fmt: skip
    # The launcher opens it first, and everything that the step says goes into it.
    log = tmp_path / "copies/bucket/p/run-7/copier/executor-logs"
    log.parent.mkdir(parents=True)
    log.write_text("a line\n")
    run_step(step)
    assert log.read_text() == "a line\n"
    assert list(answer()["artifacts"]) == ["made"]
    (made,) = answer()["artifacts"]["made"]["artifacts"]
    assert made["uri"] == "minio://bucket/p/run-7/copier/made"
    assert (tmp_path / "copies/bucket/p/run-7/copier/made/text").read_text() == "hello"
    said = made["metadata"]
    assert said["source_type"] == "Model"
    assert (said["blessed"], said["loss"], said["steps"]) == (1, 0.25, "3")
    assert said["slices"] == '["a", "b"]'
    assert "nothing" not in said
    assert said["baselines"] == 0
    assert said["place"] == "p/run-7/Copier"
    (record,) = read_records(str(tmp_path / "records")).values()
    assert (record.state, record.run, record.node) == ("complete", "run-7", "Copier")
    assert [(held.key, held.type) for held in record.inputs] == [("source", "Model")]
    assert [held.key for held in record.outputs] == ["made"]
    assert record.outputs[0].properties["blessed"] == 1
    assert "current_model_id" not in record.outputs[0].properties


def test_a_failure_is_recorded_and_tells_the_backend_nothing(make_invocation, tmp_path) -> None:
    uri = str(tmp_path / "root" / "run-7" / "failer" / "made")
    with pytest.raises(RuntimeError, match="sky"):
        run_step(make_invocation("small_executors.Fail", outputs={"made": (uri, None, {})}))
    assert not (tmp_path / "task" / "executor_output.json").exists()
    (record,) = read_records(str(tmp_path / "root" / "records")).values()
    assert (record.state, record.outputs) == ("failed", ())


@pytest.mark.parametrize(("module", "name"), [("sys", "exit"), ("os", "_exit")])
def test_a_step_that_ends_its_process_with_code_0_has_failed(
    make_arguments, tmp_path, monkeypatch, capfd, module: str, name: str
) -> None:
    arguments = make_arguments(
        "small_executors.Leave",
        outputs={"made": (str(tmp_path / "root" / "run" / "step" / "made"), None, {})},
        parameters={"module": module, "name": name},
    )
    monkeypatch.setattr("sys.argv", ["step", *arguments])
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main() == 1
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "the step's code called sys.exit(0)" in capfd.readouterr().err
    assert not (tmp_path / "task" / "executor_output.json").exists()


def test_values_are_read_and_told_as_parameters(make_invocation, answer, tmp_path) -> None:
    (tmp_path / "number").write_text("21")
    step = make_invocation(
        "small_executors.Value",
        inputs={"number": (str(tmp_path / "number"), None, {})},
        outputs={"made": (str(tmp_path / "new" / "made"), {"schemaTitle": "tfx.Integer"}, {})},
        spec={"artifacts": {"number": {"artifactType": {"schemaTitle": "tfx.Integer"}}}},
        output_parameters={"made": {"outputFile": str(tmp_path / "unused")}},
    )
    run_step(step)
    assert answer()["parameterValues"] == {"made": 42}
    assert (tmp_path / "new" / "made").read_text() == "42"


def test_a_stock_beam_step_has_less_overhead(make_invocation, tmp_path, monkeypatch) -> None:
    lowered: list[str] = []
    monkeypatch.setattr(beam_overhead, "lower_beam_overhead", lambda: lowered.append("here"))
    step = make_invocation(
        "small_executors.BeamValue",
        outputs={"made": (str(tmp_path / "made"), {"schemaTitle": "tfx.Integer"}, {})},
    )
    run_step(step)
    assert (tmp_path / "made").read_text() == "42"
    assert lowered == ["here"]


def test_two_artifacts_on_an_output_are_refused(make_invocation, tmp_path) -> None:
    step = make_invocation(
        "small_executors.Two", outputs={"made": (str(tmp_path / "made"), None, {})}
    )
    with pytest.raises(StepInputError, match="made 2 artifacts for made"):
        run_step(step)


@pytest.mark.parametrize("path", ["no_such_module.Executor", "small_executors.Nobody", "x"])
def test_an_executor_that_the_image_lacks(make_invocation, path: str) -> None:
    with pytest.raises(StepInputError, match="cannot be imported"):
        run_step(make_invocation(path))


def test_example_gen_finds_the_newest_span_without_its_driver(
    make_invocation, answer, tmp_path
) -> None:
    from tfx.proto import example_gen_pb2
    from tfx.utils import proto_utils

    for span, rows in (("1", "a\n1\n"), ("2", "a\n2\n3\n")):
        folder = tmp_path / "data" / f"span-{span}"
        folder.mkdir(parents=True)
        (folder / "data.csv").write_text(rows)
    config = example_gen_pb2.Input(
        splits=[example_gen_pb2.Input.Split(name="all", pattern="span-{SPAN}/*.csv")]
    )
    uri = str(tmp_path / "root" / "run" / "gen" / "examples")
    step = make_invocation(
        "tfx.components.example_gen.csv_example_gen.executor.Executor",
        outputs={"examples": (uri, {"instanceSchema": "title: tfx.Examples"}, {})},
        parameters={
            "input_base": str(tmp_path / "data"),
            "input_config": proto_utils.proto_to_json(config),
            "output_config": "{}",
            "output_data_format": 6.0,
            "output_file_format": 5.0,
        },
        spec={
            "parameters": {
                name: {"parameterType": "NUMBER_INTEGER"}
                for name in ("output_data_format", "output_file_format")
            }
        },
    )
    run_step(step)
    (examples,) = answer()["artifacts"]["examples"]["artifacts"]
    assert examples["metadata"]["span"] == 2
    assert "total_bytes:6" in examples["metadata"]["input_fingerprint"]
    assert list(pathlib.Path(uri).glob("Split-all/*.gz"))


def test_as_a_process_sigterm_lets_the_executor_tidy_up(make_arguments, tmp_path) -> None:
    arguments = make_arguments("small_executors.Wait", parameters={"place": str(tmp_path)})
    with _start(arguments) as step:
        until = time.monotonic() + 300
        while not (tmp_path / "began").exists():
            assert time.monotonic() < until
            assert step.poll() is None, step.communicate()
            time.sleep(0.1)
        step.send_signal(signal.SIGTERM)
        assert step.wait(300) == 128 + signal.SIGTERM
    assert (tmp_path / "tidied").exists()


def test_as_a_process_errors_of_ours_end_the_log_and_only_needed_is_imported(
    make_arguments,
) -> None:
    with _start(make_arguments("no_such_module.Executor")) as step:
        _, log = step.communicate(timeout=300)
    assert step.returncode == 1
    assert "the executor no_such_module.Executor cannot be imported" in log.splitlines()[-3]
    code = (
        "import sys; import tfx_estimators.kubeflow.entrypoint.step;"
        "print([m for m in ('tfx.components', 'kfp', 'tensorflow_model_analysis')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_a_stock_step_imports_a_module_that_uses_estimators(make_arguments, tmp_path) -> None:
    made = tmp_path / "made"
    arguments = make_arguments(
        "small_executors.ImportModule",
        outputs={"made": (str(made), {"schemaTitle": "system.Artifact"}, {})},
        parameters={"module_path": "module_of_2019"},
    )
    with _start(arguments) as step:
        _, log = step.communicate(timeout=300)
    assert step.returncode == 0, log[-2000:]
    assert (made / "text").read_text().partition(".")[0] in ("tf_keras", "keras")
    assert ".engine." in (made / "text").read_text()  # where Keras 2 has its layers


def test_an_executor_begins_without_what_it_does_not_use(make_arguments, tmp_path) -> None:
    """Each would take a second or more, before every step in a container."""
    made = tmp_path / "made"
    arguments = make_arguments(
        "small_executors.ListModules",
        outputs={"made": (str(made), {"schemaTitle": "system.Artifact"}, {})},
    )
    with _start(arguments) as step:
        _, log = step.communicate(timeout=300)
    assert step.returncode == 0, log[-2000:]
    imported = set((made / "text").read_text().splitlines())
    assert "tensorflow" in imported
    spared = {"google.cloud.bigquery", "tensorflow_model_analysis", "tfx.components.evaluator"}
    if importlib.metadata.version("keras").startswith("3."):
        spared |= {"keras", "keras.src"}
    assert not spared & imported


def _start(arguments: list[str]) -> subprocess.Popen[str]:
    paths = [str(MODULES), str(USERS_MODULES), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return subprocess.Popen(
        [sys.executable, "-m", "tfx_estimators.kubeflow.entrypoint", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stderr=subprocess.PIPE,
        text=True,
    )
