"""SavedModels that exporters have written below a model_dir: which of them is published.

They lie in `<model_dir>/export/<exporter>/<seconds since 1970>`. Clocks are set back, and an
attempt that was killed leaves exports too: so the newest is not the one with the largest
number, but the one that this attempt has written, of the largest step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfx.dsl.io import fileio

from tfx_estimators.components.gfile import files_for
from tfx_estimators.estimator.best_export import date_note_back

__all__ = ["Export", "date_back", "list_exports", "newest_export"]


@dataclasses.dataclass(frozen=True)
class Export:
    """A SavedModel.

    Attributes:
        path: its folder.
        exporter: the exporter's name.
        step: the global step of its variables; -1 where they have none.
    """

    path: str
    exporter: str
    step: int


def list_exports(model_dir: str) -> list[Export]:
    """Exports that were written to their end, in order of path.

    Args:
        model_dir: the Estimator's; it need not exist.
    """
    top = f"{model_dir.rstrip('/')}/export"
    found = []
    for exporter in _names(top):
        for version in _names(f"{top}/{exporter}"):
            # One that is still being written is called temp-<version>.
            path = f"{top}/{exporter}/{version}"
            if version.isdecimal() and fileio.exists(f"{path}/saved_model.pb"):
                found.append(Export(path, exporter, _step(path)))
    return found


def newest_export(model_dir: str, before: Sequence[Export], exporter: str = "") -> Export | None:
    """The export that a training came to; None if there is none.

    Args:
        model_dir: the Estimator's.
        before: those that were there when this attempt began. They count where it has
            exported none, as where the training had ended, or none was better.
        exporter: the only exporter whose exports count; "" for any.
    """
    known = {export.path for export in before}
    found = [export for export in list_exports(model_dir) if exporter in ("", export.exporter)]
    return max(
        found,
        key=lambda export: (export.path not in known, export.step, len(export.path), export.path),
        default=None,
    )


def date_back(model_dir: str, now: int) -> None:
    """Gives exports that are dated later than now earlier dates, in their order.

    Exporters keep those with the largest numbers: after the clock was set back they would
    remove a new one at once.

    Args:
        model_dir: the Estimator's.
        now: in seconds since 1970.
    """
    top = f"{model_dir.rstrip('/')}/export"
    for exporter in _names(top):
        numbers = sorted(int(name) for name in _names(f"{top}/{exporter}") if name.isdecimal())
        later = [number for number in numbers if number > now]
        if not later:
            continue
        past = [number for number in numbers if number <= now]
        first = max(max(past, default=0) + 1, now - len(later))
        dates = {number: first + position for position, number in enumerate(later)}
        for old, new in dates.items():
            fileio.rename(f"{top}/{exporter}/{old}", f"{top}/{exporter}/{new}")
        date_note_back(f"{top}/{exporter}", now, dates)


def _names(folder: str) -> list[str]:
    files = files_for(folder)
    _, folders, _ = next(iter(files.walk(folder)), (folder, [], []))
    return sorted(str(name).rstrip("/") for name in folders)


def _step(saved_model: str) -> int:
    import tensorflow as tf

    variables = f"{saved_model}/variables/variables"
    if not fileio.exists(f"{variables}.index"):
        return -1
    reader = tf.train.load_checkpoint(variables)
    known = "global_step" in reader.get_variable_to_shape_map()
    return int(reader.get_tensor("global_step")) if known else -1
