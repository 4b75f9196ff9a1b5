"""Steps as real containers, of an image that `scripts/image.sh` has built.

TFX_ESTIMATORS_IMAGE=tfx-estimators:current pytest -m slow THIS_FILE
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from tfx_estimators.pipelines.workspace import Workspace

from tfx_estimators.components.evaluator.report import load_report
from tfx_estimators.errors import PipelineError
from tfx_estimators.kubeflow.local import run_package

IMAGE = os.environ.get("TFX_ESTIMATORS_IMAGE", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IMAGE, reason="TFX_ESTIMATORS_IMAGE names no image: make containers"),
]


def test_a_step_is_a_container_with_its_environment(make_package, outputs, tmp_path) -> None:
    body = (
        "assert pathlib.Path('/run/.containerenv').exists()\n"
        "assert os.environ['COLOUR'] == 'blue'\n"
        "assert sys.prefix == '/opt/stack'\n"
    )
    package = make_package(IMAGE, first={"body": body, "colour": "blue"})
    run_package(package, tmp_path / "root", containers=True)
    (artifact,) = outputs(tmp_path / "root", "first")["artifacts"]["thing"]["artifacts"]
    assert pathlib.Path(artifact["uri"]).read_text() == "made"


def test_a_containers_failure_is_a_failure(make_package, tmp_path) -> None:
    package = make_package(IMAGE, first={"body": "print('rain'); sys.exit(7)", "retries": 1})
    said: list[str] = []
    with pytest.raises(PipelineError, match=r"first failed \(exit code 7\)") as caught:
        run_package(package, tmp_path / "root", containers=True, say=said.append)
    assert "| rain" in str(caught.value)
    assert any("is tried again" in line for line in said)


def test_ending_a_run_ends_its_container(make_package, tmp_path) -> None:
    body = (
        f"pathlib.Path({str(tmp_path / 'root' / 'began')!r}).touch()\nimport time; time.sleep(600)"
    )
    code = (
        "import pathlib, sys\n"
        "from tfx_estimators.kubeflow.local import run_package\n"
        "run_package(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), containers=True)\n"
    )
    package = make_package(IMAGE, first={"body": body})
    with subprocess.Popen(
        [sys.executable, "-c", code, str(package), str(tmp_path / "root")]
    ) as run:
        until = time.monotonic() + 60
        while not (tmp_path / "root" / "began").exists():
            assert time.monotonic() < until
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        assert run.wait(60) != 0
    listed = subprocess.run(
        ["podman", "ps", "--format", "{{.Names}}"], check=True, capture_output=True, text=True
    )
    assert "small-" not in listed.stdout


def test_taxi_in_containers(tmp_path, taxi_folder) -> None:
    workspace = Workspace("taxi", tmp_path / "root")
    subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "tfx_estimators.cli", "run", "taxi"),
            *("--runner", "kubeflow-local", "--containers", "--image", IMAGE),
            *("--root", str(workspace.root), "--data", str(taxi_folder)),
        ],
        check=True,
    )
    metrics = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "taxi_metrics.json"
    report = load_report(workspace.made("EstimatorEvaluator").uri("evaluation"))
    expected = json.loads(metrics.read_text())["auc"]
    assert report.overall().metrics["auc"] == pytest.approx(expected, abs=0.0025)
    assert report.blessed
    assert len(list(workspace.serving.iterdir())) == 1
