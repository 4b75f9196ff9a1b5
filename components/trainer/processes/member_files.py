"""Files through which a step and the processes of its training communicate."""

from __future__ import annotations

import pathlib
import shutil

from tfx_estimators.components.trainer.announcement import PREFIX
from tfx_estimators.components.trainer.checkpoints.training import Training
from tfx_estimators.terminal import say

__all__ = ["Said", "give_start"]


def give_start(training: Training, folder: pathlib.Path) -> None:
    """Puts the checkpoint that a training goes on from into a folder.

    Workers in step have to begin alike, and those that do not lead have a folder of
    their own.

    Args:
        training: with its start.
        folder: is made.
    """
    import tensorflow as tf

    from tfx_estimators.estimator.checkpoints import find_checkpoints

    folder.mkdir(parents=True, exist_ok=True)
    there = find_checkpoints(training.folder) if training.start.step else {}
    if not there:
        return
    latest = max(there)
    # A module may keep its checkpoints in a folder below.
    inside = folder / latest.folder[len(training.folder) :].strip("/")
    inside.mkdir(parents=True, exist_ok=True)
    for path in there[latest]:
        name = path.rpartition("/")[2]
        if "://" in path:
            tf.io.gfile.copy(path, str(inside / name), overwrite=True)
        else:
            shutil.copyfile(path, inside / name)
    (inside / "checkpoint").write_text(
        f'model_checkpoint_path: "{latest.stem}"\n', encoding="utf-8"
    )


class Said:
    """Repeats what a process says to the user, out of its log.

    Args:
        log: its log, which may not be there yet.
    """

    def __init__(self, log: pathlib.Path) -> None:
        self._log = log
        self._read = 0

    def repeat(self) -> None:
        """Writes lines that are new to standard error."""
        if not self._log.is_file():
            return
        with self._log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if line.startswith(PREFIX):
                say(line)
