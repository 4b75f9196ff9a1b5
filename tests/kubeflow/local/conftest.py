"""Small packages whose steps are a few lines of Python: kfp runs them, TFX is not needed."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

_WRITE = """
import json, os, pathlib, sys
given = json.loads(sys.argv[1])
out = given["outputs"]
{body}
artifact = dict(out["artifacts"]["thing"]["artifacts"][0], metadata={{"answer": 42}})
pathlib.Path(artifact["uri"]).parent.mkdir(parents=True, exist_ok=True)
pathlib.Path(artifact["uri"]).write_text("made")
pathlib.Path(out["outputFile"]).write_text(
    json.dumps({{"artifacts": {{"thing": {{"artifacts": [artifact]}}}}}}))
"""

Step = Mapping[str, Any]
MakePackage = Callable[..., pathlib.Path]


@pytest.fixture
def make_package(tmp_path: pathlib.Path) -> MakePackage:
    """`make_package(first={"body": CODE, "retries": 1}, second={"after": "first"})`."""

    def make(image: str = "an/image", **steps: Step) -> pathlib.Path:
        schema = {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}
        components, executors, tasks = {}, {}, {}
        for name, step in steps.items():
            task: dict[str, Any] = {
                "taskInfo": {"name": name},
                "componentRef": {"name": f"comp-{name}"},
            }
            component: dict[str, Any] = {
                "executorLabel": f"exec-{name}",
                "outputDefinitions": {"artifacts": {"thing": schema}},
            }
            if "after" in step:
                component["inputDefinitions"] = {"artifacts": {"thing": schema}}
                source = {"producerTask": step["after"], "outputArtifactKey": "thing"}
                task["inputs"] = {"artifacts": {"thing": {"taskOutputArtifact": source}}}
                task["dependentTasks"] = [step["after"]]
            if "retries" in step:
                task["retryPolicy"] = {
                    "maxRetryCount": step["retries"],
                    "backoffDuration": "0.1s",
                    "backoffFactor": 2,
                }
            if step.get("cached"):
                task["cachingOptions"] = {"enableCache": True}
            components[f"comp-{name}"], tasks[name] = component, task
            code = _WRITE.format(body=step.get("body", ""))
            executors[f"exec-{name}"] = {
                "container": {
                    "image": image,
                    "command": step.get("command", ["python", "-c", code]),
                    "args": ["{{$}}", "--executor_class_path", f"{name}.Executor"],
                    "env": [{"name": "COLOUR", "value": step.get("colour", "")}],
                }
            }
        spec = {
            "pipelineInfo": {"name": "small"},
            "schemaVersion": "2.1.0",
            "sdkVersion": "kfp-2.16.1",
            "components": components,
            "deploymentSpec": {"executors": executors},
            "root": {"dag": {"tasks": tasks}},
        }
        path = tmp_path / "package.yaml"
        path.write_text(yaml.safe_dump(spec))
        return path

    return make


@pytest.fixture
def outputs() -> Callable[[pathlib.Path, str], dict[str, Any]]:
    """`outputs(root, step)`: the executor's output that a step wrote in the only run."""

    def read(root: pathlib.Path, step: str) -> dict[str, Any]:
        (file,) = root.glob(f"artifacts/small-*/{step}/executor_output.json")
        return json.loads(file.read_text())

    return read


@pytest.fixture
def runner_program() -> list[str]:
    """A command that runs a package; PACKAGE and ROOT are to be added."""
    code = (
        "import pathlib, sys\n"
        "from tfx_estimators.kubeflow.local import run_package\n"
        "run_package(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
    )
    return [sys.executable, "-c", code]
