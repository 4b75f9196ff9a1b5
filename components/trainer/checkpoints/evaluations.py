"""What was measured at each step of a training, one small file a step.

An evaluator may be another process than the one that writes the checkpoints and their
records: it leaves its results here.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import DamagedFileError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import read
from tfx_estimators.whole_files import write_whole

__all__ = ["EvaluationNotes", "note_evaluation", "read_evaluations"]

_log = logging.getLogger(__name__)
_FOLDER = "evaluations"
_FILE = re.compile(r"^(\d{1,18})\.json$")


class EvaluationNotes:
    """Notes every evaluation; `train_and_evaluate` calls it as one of the exporters.

    Args:
        folder: the training's.
    """

    name = "tfx_estimators_evaluations"

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: Mapping[str, Any],
        is_the_final_export: bool,
    ) -> None:
        """Called by TensorFlow after each evaluation."""
        note_evaluation(self._folder, eval_result)


def note_evaluation(folder: str, eval_result: Mapping[str, Any]) -> None:
    """Writes down what `Estimator.evaluate` returned; only numbers are kept.

    Args:
        folder: the training's.
        eval_result: metrics by name, with "global_step".
    """
    if "global_step" not in eval_result:
        return
    numbers = {
        name: float(value)
        for name, value in eval_result.items()
        if name != "global_step" and np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiu"
    }
    path = f"{folder}/{_FOLDER}/{int(eval_result['global_step'])}.json"
    files = files_for(path)
    files.makedirs(f"{folder}/{_FOLDER}")
    finite = {name: value for name, value in numbers.items() if np.isfinite(value)}
    write_whole(path, dumps(finite), files.open, files.rename)


def read_evaluations(folder: str, but: Container[int] = ()) -> dict[int, dict[str, float]]:
    """Metrics by step; a note that is damaged, or a link to nothing, is left out with a warning.

    Args:
        folder: the training's.
        but: steps whose notes are not read.
    """
    notes, files = f"{folder}/{_FOLDER}", files_for(folder)
    found: dict[int, dict[str, float]] = {}
    if not files.exists(notes):
        return found
    for _, _, names in files.walk(notes):
        for name in names:
            match = _FILE.match(str(name))
            if match and int(match[1]) not in but:
                try:
                    numbers = read(f"{notes}/{name}", dict[str, Any], files)
                    found[int(match[1])] = {n: v for n, v in numbers.items() if _is_finite(v)}
                except (DamagedFileError, FileNotFoundError) as error:
                    _log.warning("skipped: %s", error)
        break
    return found


def _is_finite(value: object) -> bool:
    # Notes of earlier versions have others too.
    try:
        return type(value) in (int, float) and math.isfinite(float(value))  # type: ignore[arg-type]
    except OverflowError:
        return False
