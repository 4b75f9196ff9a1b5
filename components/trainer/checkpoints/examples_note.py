"""The number of examples a training had read at some step, noted for later records."""

from __future__ import annotations

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import DamagedFileError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import read
from tfx_estimators.whole_files import write_whole

__all__ = ["EXAMPLES_FILE", "note_examples", "noted_examples"]

EXAMPLES_FILE = "examples.json"


def note_examples(folder: str, step: int, examples: int | None) -> None:
    """Writes it down; nothing where it is not known.

    Args:
        folder: the training's.
        step: the global step.
        examples: trained on up to there.
    """
    if not step or not examples:
        return
    path, files = f"{folder}/{EXAMPLES_FILE}", files_for(folder)
    write_whole(path, dumps([step, examples]), files.open, files.rename)


def noted_examples(folder: str) -> tuple[int, int] | None:
    """Step and examples as they were last noted; None where they were not, or are damaged."""
    path, files = f"{folder}/{EXAMPLES_FILE}", files_for(folder)
    if not files.exists(path):
        return None
    try:
        step, examples = read(path, tuple[int, int], files)
    except DamagedFileError:
        return None
    return (step, examples) if step > 0 and examples > 0 else None
