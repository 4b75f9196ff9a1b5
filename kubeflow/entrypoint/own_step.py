"""Runs a step that compiling added; here nothing imports TFX, which takes seconds."""

from __future__ import annotations

import importlib
import pathlib
from collections.abc import Mapping
from typing import Any

from tfx_estimators.errors import StepInputError, TfxEstimatorsError
from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.entrypoint.invocation import Invocation
from tfx_estimators.whole_files import staged

__all__ = ["import_executor", "run_own_step", "write_answer"]


def run_own_step(invocation: Invocation) -> None:
    """Calls the function that stands for the executor, which returns output parameters.

    Raises:
        StepInputError: if the function cannot be imported.
        Exception: whatever it raises.
    """
    values = import_executor(invocation.executor)(invocation)
    made = {key: {"artifacts": held} for key, held in invocation.outputs.items()}
    write_answer(invocation, {"artifacts": made, "parameterValues": values})


def import_executor(path: str) -> Any:
    """What a step is to run.

    Raises:
        StepInputError: if it cannot be imported.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except TfxEstimatorsError:
        raise
    except (ImportError, AttributeError, ValueError) as error:
        raise StepInputError(
            f"the executor {path} cannot be imported: {error}",
            expected="an executor that the step's image has",
            fix="build the image with the project that the package was compiled in",
        ) from error


def write_answer(invocation: Invocation, answer: Mapping[str, Any]) -> None:
    """Writes the ExecutorOutput, all of it or nothing."""
    file = pathlib.Path(invocation.output_file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with staged(file) as fresh:
        fresh.write_text(dumps(answer, indent=1), encoding="utf-8")
