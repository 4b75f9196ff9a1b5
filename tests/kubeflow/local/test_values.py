"""Values that go from step to step, and into the pipeline, as a package has them."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import pytest

from tfx_estimators.kubeflow.local import run_package
from tfx_estimators.kubeflow.package import compile_pipeline

pytestmark = pytest.mark.stacks

MODULES = pathlib.Path(__file__).parent / "modules"


@pytest.fixture
def pipeline(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(MODULES))
    paths = [str(MODULES), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    import counting_pipeline

    return counting_pipeline.create_pipeline(tmp_path / "root")


def test_a_number_made_by_one_step_is_a_parameter_of_the_next(
    pipeline: Any, tmp_path: pathlib.Path
) -> None:
    package = compile_pipeline(pipeline, image=None, cluster=False)
    declared = package.spec["root"]["inputDefinitions"]["parameters"]["begin"]
    assert declared["defaultValue"] == 3
    tasks = package.spec["root"]["dag"]["tasks"]
    source = tasks["Tell"]["inputs"]["parameters"]["number"]["taskOutputParameter"]
    assert source["producerTask"] in tasks
    package.write(tmp_path / "package.yaml")
    run_package(tmp_path / "package.yaml", tmp_path / "root", arguments={"begin": 40})
    (told,) = tmp_path.glob("root/artifacts/counting-*/Tell/told")
    assert told.read_text() == "41 was counted"
