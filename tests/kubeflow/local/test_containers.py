"""Steps as real containers of an image that `scripts/image.sh` has built: make test-containers."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tfx_estimators.components.evaluator.report import load_report
from tfx_estimators.errors import PipelineError
from tfx_estimators.kubeflow.local import run_package
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import CheckpointRecord, StepRecord
from tfx_estimators.pipelines.workspace import Workspace

pytestmark = pytest.mark.containers

IMAGE = "localhost/tfx-estimators:current"
TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "testdata"
# Those of the nodes, the digest of the trips, and what says which steps were cached.
STEPS = 12
PATIENCE = 300.0  # seconds

MakePackage = Callable[..., pathlib.Path]


def test_a_step_is_a_container_with_its_environment(
    make_package: MakePackage, outputs: Any, tmp_path: pathlib.Path
) -> None:
    body = (
        "assert pathlib.Path('/run/.containerenv').exists()\n"
        "assert os.environ['COLOUR'] == 'blue'\n"
        "assert sys.prefix == '/opt/stack'\n"
    )
    package = make_package(IMAGE, first={"body": body, "colour": "blue"})
    run_package(package, tmp_path / "root", containers=True)
    (artifact,) = outputs(tmp_path / "root", "first")["artifacts"]["thing"]["artifacts"]
    assert pathlib.Path(artifact["uri"]).read_text() == "made"


def test_a_containers_failure_is_a_failure(
    make_package: MakePackage, tmp_path: pathlib.Path
) -> None:
    package = make_package(IMAGE, first={"body": "print('rain'); sys.exit(7)", "retries": 1})
    said: list[str] = []
    with pytest.raises(PipelineError, match=r"first failed \(exit code 7\)") as caught:
        run_package(package, tmp_path / "root", containers=True, say=said.append)
    assert "| rain" in str(caught.value)
    assert any("retrying" in line for line in said)


def test_ending_a_run_ends_its_container(make_package: MakePackage, tmp_path: pathlib.Path) -> None:
    began = tmp_path / "root" / "began"
    body = f"pathlib.Path({str(began)!r}).touch()\nimport time; time.sleep(600)"
    code = (
        "import pathlib, sys\n"
        "from tfx_estimators.kubeflow.local import run_package\n"
        "run_package(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), containers=True)\n"
    )
    command = [sys.executable, "-c", code, str(make_package(IMAGE, first={"body": body}))]
    with subprocess.Popen([*command, str(tmp_path / "root")]) as run:
        end = time.monotonic() + PATIENCE
        while not began.exists():
            assert run.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        assert run.wait(PATIENCE) != 0
    listed = subprocess.run(
        ["podman", "ps", "--format", "{{.Names}}"], check=True, capture_output=True, text=True
    )
    assert "small-" not in listed.stdout


def test_taxi_in_containers_gives_what_the_local_runner_gives(
    tmp_path: pathlib.Path, taxi_folder: pathlib.Path
) -> None:
    root = tmp_path / "root"
    answer = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "tfx_estimators.cli", "run", "taxi"),
            *("--runner", "kubeflow-local", "--containers", "--image", IMAGE),
            *("--root", str(root), "--data", str(taxi_folder)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    assert answer.stderr.count(": done (") == STEPS
    workspace = Workspace("taxi", root)
    report = load_report(workspace.made("EstimatorEvaluator").uri("evaluation"))
    reference = json.loads((TESTDATA / "taxi_metrics.json").read_text())
    # CsvExampleGen's Reshuffle draws a 32-bit key an example; in one run of a hundred two
    # examples draw the same one, and all between them are read in another order.
    for name, most in (("auc", 0.0025), ("accuracy", 0.01)):
        assert report.overall().metrics[name] == pytest.approx(reference[name], abs=most)
    assert report.blessed
    (pushed,) = workspace.serving.glob("[0-9]*")
    assert (pushed / "saved_model.pb").is_file()
    kept = read_records(str(workspace.checkpoints)).values()
    assert 400 in {one.step for one in kept if isinstance(one, CheckpointRecord)}
    steps = read_records(str(root / "artifacts" / "records")).values()
    assert [one.state for one in steps if isinstance(one, StepRecord)] == ["complete"] * (STEPS - 2)
