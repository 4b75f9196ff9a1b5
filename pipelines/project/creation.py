"""Makes a project: checks everything first, then writes the folder whole or not at all."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator

from tfx_estimators.errors import LabelError, ProjectError, TfxEstimatorsError
from tfx_estimators.pipelines.project.column_facts import facts_of
from tfx_estimators.pipelines.project.data_file import DataFile, read_data
from tfx_estimators.pipelines.project.model_file import model_source
from tfx_estimators.pipelines.project.other_files import TEST_SOURCE, readme
from tfx_estimators.pipelines.project.pipeline_file import pipeline_source
from tfx_estimators.pipelines.project.prediction_task import PredictionTask, find_label, task_of
from tfx_estimators.pipelines.project.proposal import Proposal, propose

__all__ = ["Project", "create_project"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclasses.dataclass(frozen=True)
class Project:
    """A project that was written.

    Attributes:
        folder: where it lies.
        task: what it predicts.
        proposals: what became of each column of the data but the label.
    """

    folder: pathlib.Path
    task: PredictionTask
    proposals: tuple[Proposal, ...]


def create_project(folder: pathlib.Path, data: pathlib.Path, label: str) -> Project:
    """Writes a project.

    Args:
        folder: to make; its name is the pipeline's.
        data: a CSV, Parquet or TFRecord file.
        label: the column to predict.

    Raises:
        ProjectError: with all that is wrong, before anything is written.
    """
    wrong = [str(error) for error in _wrong_folder(folder)]
    try:
        file = read_data(data)
        task, proposals = _look(file, label)
    except TfxEstimatorsError as error:
        wrong.append(str(error))
    if wrong:
        raise _all_wrong(wrong)
    name = folder.name
    _write(
        folder,
        {
            "model.py": model_source(task, proposals),
            "pipeline.py": pipeline_source(name, file, task, proposals),
            "README.md": readme(name, file, task),
            "test_model.py": TEST_SOURCE,
        },
    )
    return Project(folder, task, proposals)


def _look(file: DataFile, label: str) -> tuple[PredictionTask, tuple[Proposal, ...]]:
    column = find_label(file, label)
    names = [one.name for one in file.columns]
    task = task_of(column, facts_of(column), names)
    facts = [facts_of(one) for one in file.columns if one is not column]
    proposals = propose(facts, [task.source, task.label])
    if not any(proposal.is_used for proposal in proposals):
        seen = "; ".join(f"{one.name!r}: {one.becomes}" for one in proposals)
        raise LabelError(
            f"no column of {file.path.name} says anything about the label ({seen})",
            expected="at least one column that varies and recurs",
            fix="name a file with more columns",
        )
    return task, proposals


def _wrong_folder(folder: pathlib.Path) -> Iterator[ProjectError]:
    if not _NAME.fullmatch(folder.name):
        yield ProjectError(
            f"NAME is {folder.name!r}",
            expected="a letter, then letters, digits, - and _",
            fix="choose another name; it is the folder's and the pipeline's",
        )
    if os.path.lexists(folder):
        yield ProjectError(
            f"{folder} exists",
            expected="a folder that is not there yet",
            fix="choose another name, or remove it yourself",
        )
    there = next(one for one in folder.absolute().parents if one.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        yield ProjectError(
            f"{there} cannot be written to",
            expected="a folder of yours",
            fix="choose another place",
        )


def _all_wrong(wrong: list[str]) -> ProjectError:
    if len(wrong) == 1:
        return ProjectError(f"nothing was written: {wrong[0]}")
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(wrong, 1))
    return ProjectError(f"nothing was written; {len(wrong)} things are wrong\n{numbered}")


def _write(folder: pathlib.Path, files: dict[str, str]) -> None:
    """Writes a folder beside its place, and moves it there when it is whole.

    Raises:
        OSError: if it cannot be written, or somebody else has made it meanwhile.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        made = pathlib.Path(scratch, folder.name)
        made.mkdir()
        for name, text in files.items():
            (made / name).write_text(text, encoding="utf-8")
        if os.path.lexists(folder):
            raise FileExistsError(f"{folder} was made meanwhile")
        shutil.move(made, folder)
