"""A step as Kubeflow Pipelines starts it: what its container runs, by our entrypoint and TFX's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_estimators.json_text import dumps

OUR_ENTRY = "tfx_estimators.kubeflow.entrypoint"
TFX_ENTRY = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"


def step_arguments(
    entry: str, executor: str, invocation: Mapping[str, Any], inputs: Mapping[str, Any]
) -> list[str]:
    """Arguments of the interpreter.

    Args:
        entry: one of the entrypoints above.
        executor: importable path of the executor's class.
        invocation: the ExecutorInput.
        inputs: the ComponentInputsSpec.
    """
    return [
        "-m", entry,
        f"--executor_class_path={executor}",
        f"--json_serialized_invocation_args={dumps(invocation)}",
        f"--json_serialized_inputs_spec_args={dumps(inputs)}",
    ]  # fmt: skip
