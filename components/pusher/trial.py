"""Runs the canary in its own process and says what went wrong."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from tfx_estimators.errors import PushError
from tfx_estimators.json_text import dumps

__all__ = ["try_model"]

_SECONDS_TO_TRY = 600
_LINES_SHOWN = 15


def try_model(model: pathlib.Path, examples: Sequence[bytes]) -> dict[str, Any]:
    """Loads a SavedModel in a fresh process and predicts on examples.

    Args:
        model: folder of the SavedModel.
        examples: serialized raw tf.Examples; may be empty.

    Returns:
        `{"signatures": [names tried], "examples": count, "imported": [...]}`, the last
        naming TFX and this package if the process had imported them.

    Raises:
        PushError: if the model does not load or does not predict.
    """
    script = pathlib.Path(__file__).with_name("canary.py").read_text(encoding="utf-8")
    task = {
        "model": str(model),
        "examples": [base64.b64encode(example).decode() for example in examples],
    }
    # As a string and from an empty folder: neither this package's folder nor the
    # working folder comes before TensorFlow on the module path.
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(
                [sys.executable, "-c", script],
                input=dumps(task),
                capture_output=True,
                text=True,
                cwd=empty,
                timeout=_SECONDS_TO_TRY,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _failed(model, f"no answer after {_SECONDS_TO_TRY} s") from error
    if done.returncode:
        shown = [line for line in done.stderr.splitlines() if line.strip()][-_LINES_SHOWN:]
        raise _failed(model, "\n".join([f"exit code {done.returncode}", *shown]))
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _failed(model: pathlib.Path, why: str) -> PushError:
    return PushError(
        f"the model does not work in a process of its own, so it is not pushed: {why}",
        expected="a SavedModel that loads with TensorFlow alone and predicts on the examples",
        fix="inspect the trainer's model: saved_model_cli show --all --dir <model>/Format-Serving",
    )
