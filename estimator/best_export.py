"""A BestExporter that knows after a restart what the best model was.

Upstream's learns it from event files, whose place depends on the EvalSpec's name, and
exports the first evaluation after a restart whatever it came to (tensorflow#47396).
Here the best result is remembered in a small file beside the exports,
`<model_dir>/export/<name>.best.json`. Event files are asked only where there are exports
without that file, from a training before there was one.

Private names relied on, seen in `tensorflow_estimator` 2.15 and its 2.16 nightlies:
`BestExporter`'s `_model_dir`, `_event_file_pattern`, `_compare_fn`, `_best_eval_result`,
`_has_exported`, `_saved_model_exporter` and `_garbage_collect_exports`.
"""

from __future__ import annotations

import functools
import glob
import json
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators.estimator.checkpoints import names_in
from tfx_estimators.json_text import dumps
from tfx_estimators.whole_files import write_whole

__all__ = ["date_note_back", "remember_the_best"]

Result = dict[str, Any]
_log = logging.getLogger(__name__)


def remember_the_best(module: Any) -> None:
    """Repairs `BestExporter` in the estimator package's module `exporter`."""
    best_exporter = module.BestExporter

    @functools.wraps(best_exporter.export)
    def export(
        self: Any,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: Result | None,
        is_the_final_export: bool,
    ) -> Any:
        if self._model_dir != estimator.model_dir:
            self._model_dir = estimator.model_dir
            self._best_eval_result = _best_so_far(self, export_path, eval_result)
            self._has_exported = self._best_eval_result is not None
        best = self._best_eval_result
        is_better = (
            best is None
            or not self._has_exported
            or self._compare_fn(best_eval_result=best, current_eval_result=eval_result)
        )
        if not is_better:
            return None
        _remember(export_path, eval_result or {}, best)
        exported = self._saved_model_exporter.export(
            estimator, export_path, checkpoint_path, eval_result, is_the_final_export
        )
        self._garbage_collect_exports(export_path)
        self._best_eval_result, self._has_exported = eval_result, True
        return exported

    best_exporter.export = export


def _best_so_far(exporter: Any, export_path: str, eval_result: Result | None) -> Result | None:
    """What the best model that lies under `export_path` was evaluated to, if any does."""
    newest = _newest_export(export_path)
    if newest is None:
        return None
    note = _read_note(export_path)
    if note is not None:
        # The note is written before the export, which may not have come to its end.
        kept = note["result"] if newest > note["after"] else note["replaces"]
        remembered = None if kept is None else _from_json(kept)
        return remembered if _can_compare(exporter, remembered, eval_result) else None
    if not exporter._event_file_pattern:
        return None
    best = None
    # The folder is no pattern, whatever its name.
    folder = glob.escape(os.fsdecode(exporter._model_dir))
    pattern = os.path.join(folder, exporter._event_file_pattern)  # noqa: PTH118
    for event_result in _evaluations(pattern, (eval_result or {}).get("global_step")):
        if _can_compare(exporter, event_result, eval_result) and (
            best is None or exporter._compare_fn(best, event_result)
        ):
            best = event_result
    return best


def date_note_back(export_path: str, now: int, dates: Mapping[int, int]) -> None:
    """Has the note beside exports follow them to other dates.

    Args:
        export_path: the folder of the exports.
        now: in seconds since 1970; the exports that were dated later have new dates.
        dates: the new ones by the old ones.
    """
    note = _read_note(export_path)
    if note is None or note["after"] <= now:
        return
    # The export that it speaks of may be gone: the newest before that will do.
    before = [new for old, new in dates.items() if old <= note["after"]]
    _write_note(export_path, {**note, "after": max(before, default=min(dates.values()) - 1)})


def _read_note(export_path: str) -> dict[str, Any] | None:
    folder, _, name = _file(export_path).rpartition("/")
    if name not in names_in(folder):
        return None
    try:
        with tf.io.gfile.GFile(f"{folder}/{name}") as opened:
            note: dict[str, Any] = json.load(opened)
        for result in (note["result"], note["replaces"]):
            if result is not None:
                _from_json(result)
        return {"result": note["result"], "replaces": note["replaces"], "after": int(note["after"])}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        _log.warning("%s/%s is damaged: taking the best result from the event files", folder, name)
        return None


def _remember(export_path: str, result: Result, replaces: Result | None) -> None:
    note = {
        "result": _to_json(result),
        "replaces": None if replaces is None else _to_json(replaces),
        "after": _newest_export(export_path) or 0,
    }
    _write_note(export_path, note)


def _write_note(export_path: str, note: Mapping[str, Any]) -> None:
    file = _file(export_path)
    tf.io.gfile.makedirs(file.rpartition("/")[0])
    write_whole(file, dumps(note), tf.io.gfile.GFile, tf.io.gfile.rename)


def _file(export_path: str) -> str:
    # Beside the folder and not in it: programs take the last name there for the newest.
    return f"{os.fsdecode(export_path).rstrip('/')}.best.json"


def _newest_export(export_path: str) -> int | None:
    names = names_in(os.fsdecode(export_path))
    return max((int(name) for name in names if name.isdecimal()), default=None)


def _evaluations(pattern: str, but_step: int | None) -> Iterator[Result]:
    """The results in event files, without those of the step that is just evaluated."""
    for file in tf.io.gfile.glob(pattern):
        for event in tf.compat.v1.train.summary_iterator(file):
            values = event.summary.value
            found = {v.tag: v.simple_value for v in values if v.HasField("simple_value")}
            if found and event.step != but_step:
                yield found


def _can_compare(exporter: Any, earlier: Result | None, eval_result: Result | None) -> bool:
    """Whether an earlier result holds what the user's function compares: not all events do."""
    try:
        exporter._compare_fn(best_eval_result=earlier, current_eval_result=eval_result)
    except (KeyError, TypeError, ValueError):
        return False
    return True


def _to_json(result: Mapping[str, Any]) -> Result:
    values = {name: np.asarray(value) for name, value in result.items()}
    numbers = {name: value for name, value in values.items() if value.dtype.kind in "biuf"}
    # JSON has no number for what is not finite: as strings, and back below.
    return {
        name: (value if np.isfinite(value).all() else value.astype(str)).tolist()
        for name, value in numbers.items()
    }


def _from_json(result: Mapping[str, Any]) -> Result:
    values = {name: np.asarray(value) for name, value in result.items()}
    if any(value.dtype.kind not in "biufU" for value in values.values()):
        raise TypeError("a result is of numbers")
    numbers = {n: v.astype(float) if v.dtype.kind == "U" else v for n, v in values.items()}
    return {name: value if value.ndim else value.item() for name, value in numbers.items()}
