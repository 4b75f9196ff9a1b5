"""Steps as the backend starts them."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tfx_estimators.kubeflow.entrypoint import Invocation

MakeArguments = Callable[..., list[str]]


@pytest.fixture
def make_arguments(tmp_path: pathlib.Path) -> MakeArguments:
    """The command line of a step; artifacts as `key=(uri, schema, metadata)`."""

    def make(
        executor: str,
        *flags: str,
        inputs: Mapping[str, tuple[str, Any, Any]] | None = None,
        outputs: Mapping[str, tuple[str, Any, Any]] | None = None,
        parameters: Mapping[str, Any] | None = None,
        spec: Mapping[str, Any] | None = None,
        output_parameters: Mapping[str, Any] | None = None,
    ) -> list[str]:
        def artifacts(given: Mapping[str, tuple[str, Any, Any]] | None) -> dict[str, Any]:
            return {
                key: {
                    "artifacts": [
                        {"name": key, "uri": uri, "metadata": metadata}
                        | ({"type": schema} if schema else {})
                    ]
                }
                for key, (uri, schema, metadata) in (given or {}).items()
            }

        given = {
            "inputs": {"artifacts": artifacts(inputs), "parameterValues": dict(parameters or {})},
            "outputs": {
                "artifacts": artifacts(outputs),
                "parameters": dict(output_parameters or {}),
                "outputFile": str(tmp_path / "task" / "executor_output.json"),
            },
        }
        return [
            "--executor_class_path", executor,
            "--json_serialized_invocation_args", json.dumps(given),
            "--json_serialized_inputs_spec_args", json.dumps(spec or {}),
            *flags,
        ]  # fmt: skip

    return make


@pytest.fixture
def make_invocation(make_arguments: MakeArguments) -> Callable[..., Invocation]:
    """The same, read."""
    return lambda *args, **kwargs: Invocation.parse(make_arguments(*args, **kwargs))


@pytest.fixture
def answer(tmp_path: pathlib.Path) -> Callable[[], dict[str, Any]]:
    """What the step has written for the backend."""
    return lambda: json.loads((tmp_path / "task" / "executor_output.json").read_text())
