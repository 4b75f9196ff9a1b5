"""Runs the canary in its own process and says what went wrong."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Any

from tfx_estimators.errors import PushError
from tfx_estimators.json_text import dumps

__all__ = ["try_model"]

_SECONDS_TO_TRY = 600
_LINES_SHOWN = 15
_BYTES_SHOWN = 20_000
# Neither this package's folder nor the working folder comes before TensorFlow on the module
# path: of a command its first entry is the working folder, an empty text.
_START = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"
)


def try_model(
    model: pathlib.Path, examples: Sequence[bytes], examples_model: str | None = None
) -> dict[str, Any]:
    """Loads a SavedModel in a fresh process, which ends with this one, and predicts.

    What the model prints while it is tried is shown only if it does not work.

    Args:
        model: folder of the SavedModel.
        examples: serialized raw tf.Examples; may be empty.
        examples_model: folder of the same model as one that takes tf.Examples, which
            predicts in its place; None where the model takes them itself.

    Returns:
        `{"signatures": [names tried], "examples": count, "imported": [...]}`, the last
        naming TFX and this package if the process had imported them.

    Raises:
        PushError: if the model does not load or does not predict.
    """
    # Files without a name, of which a kill leaves nothing.
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as said:
        task = {
            "model": str(model.absolute()),
            "examples_model": examples_model,
            "examples": [base64.b64encode(example).decode() for example in examples],
            "parent": os.getpid(),
            "answer": answer.fileno(),
        }
        try:
            done = subprocess.run(
                [sys.executable, "-c", _START, str(pathlib.Path(__file__).with_name("canary.py"))],
                input=dumps(task).encode(),
                stdout=said,
                stderr=said,
                cwd="/",
                pass_fds=[answer.fileno()],
                timeout=_SECONDS_TO_TRY,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _failed(model, f"no answer after {_SECONDS_TO_TRY} s") from error
        answer.seek(0)
        text = answer.read().decode()
        if done.returncode or not text:
            why = f"exit code {done.returncode}"
            raise _failed(model, "\n".join([why, *_last_lines(said)]))
    found: dict[str, Any] = json.loads(text)
    return found


def _last_lines(said: IO[bytes]) -> list[str]:
    end = said.seek(0, os.SEEK_END)
    said.seek(max(0, end - _BYTES_SHOWN))
    lines = said.read().decode(errors="replace").splitlines()
    return [line for line in lines if line.strip()][-_LINES_SHOWN:]


def _failed(model: pathlib.Path, why: str) -> PushError:
    return PushError(
        f"the model does not work in a process of its own, so it is not pushed: {why}",
        expected="a SavedModel that loads with TensorFlow alone and predicts on the examples",
        fix="inspect the trainer's model: saved_model_cli show --all --dir <model>/Format-Serving",
    )
