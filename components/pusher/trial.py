"""Runs the canary in its own process, started early, and says what went wrong.

The process may be started before there is a model, while another step runs: importing
TensorFlow takes longer than the trial itself.
"""

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

__all__ = ["end_early_trial", "start_early_trial", "try_model"]

_SECONDS_TO_TRY = 600
_LINES_SHOWN = 15
_BYTES_SHOWN = 20_000
# Neither this package's folder nor the working folder comes before TensorFlow on the module
# path: of a command its first entry is the working folder, an empty text.
_START = (
    "import sys; sys.path[:] = filter(None, sys.path); del sys.argv[0]; "
    "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
)


class _Trial:
    """A process that tries one model."""

    def __init__(self) -> None:
        # Files without a name, of which a kill leaves nothing.
        self._answer: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        canary = pathlib.Path(__file__).with_name("canary.py")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _START,
                str(canary),
                str(os.getpid()),
                str(self._answer.fileno()),
            ],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=self._said,
            cwd="/",
            pass_fds=[self._answer.fileno()],
        )

    def is_running(self) -> bool:
        """Whether it still waits for a model."""
        return self._process.poll() is None

    def run(self, model: pathlib.Path, task: dict[str, Any]) -> dict[str, Any]:
        """Has it try the model and tell; see `try_model`."""
        try:
            self._process.communicate(dumps(task).encode(), timeout=_SECONDS_TO_TRY)
        except subprocess.TimeoutExpired as error:
            raise _failed(model, f"no answer after {_SECONDS_TO_TRY} s") from error
        self._answer.seek(0)
        text = self._answer.read().decode()
        if self._process.returncode or not text:
            why = f"exit code {self._process.returncode}"
            raise _failed(model, "\n".join([why, *_last_lines(self._said)]))
        found: dict[str, Any] = json.loads(text)
        return found

    def end(self) -> None:
        """Ends the process, whatever it does, and lets go of what belongs to it."""
        self._process.kill()
        self._process.communicate()
        self._answer.close()
        self._said.close()


_early: _Trial | None = None


def start_early_trial() -> None:
    """Starts the process that the next `try_model` uses, so that it need not wait for it.

    The process has the variables and processors of this one as they are now.
    """
    global _early
    if _early is None:
        _early = _Trial()


def end_early_trial() -> None:
    """Ends what `start_early_trial` has started, if nothing was tried in it."""
    global _early
    trial, _early = _early, None
    if trial is not None:
        trial.end()


def try_model(
    model: pathlib.Path, examples: Sequence[bytes], examples_model: str | None = None
) -> dict[str, Any]:
    """Loads a SavedModel in a fresh process, which ends with this one, and predicts.

    What the model prints while it is tried is shown only if it does not work. A process that
    was started early is used.

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
    global _early
    if _early is not None and not _early.is_running():
        end_early_trial()
    trial, _early = _early or _Trial(), None
    try:
        return trial.run(
            model,
            {
                "model": str(model.absolute()),
                "examples_model": examples_model,
                "examples": [base64.b64encode(example).decode() for example in examples],
            },
        )
    finally:
        trial.end()


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
