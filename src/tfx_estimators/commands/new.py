"""`tfx-estimators new`: a project of one's own, written from a look at the data."""

from __future__ import annotations

import os
import pathlib
import sys

import click

__all__ = ["new"]


@click.command()
@click.argument("name", type=click.Path(path_type=pathlib.Path), required=False)
@click.option(
    "--data",
    type=click.Path(path_type=pathlib.Path),
    metavar="FILE",
    help="A CSV, Parquet or TFRecord file to train on.",
)
@click.option("--label", metavar="COLUMN", help="The column to predict.")
def new(name: pathlib.Path | None, data: pathlib.Path | None, label: str | None) -> None:
    """Look at a data file, and write a pipeline for it into the folder NAME.

    The folder gets model.py (feature columns with reasons, and a wide & deep estimator),
    pipeline.py (parameters, thresholds, slices), a README and a test. It runs as it is, and
    is yours to change. What is not given is asked for on a terminal.

    \b
      tfx-estimators new churn --data customers.csv --label churned
      tfx-estimators run churn/pipeline.py
    """
    from tfx_estimators.commands.printing import echo
    from tfx_estimators.errors import UnsupportedOptionError
    from tfx_estimators.terminal import escaped

    if None in (name, data, label):
        if not sys.stdin.isatty():
            given = {"NAME": name, "--data FILE": data, "--label COLUMN": label}
            raise UnsupportedOptionError(
                f"not given: {', '.join(what for what, value in given.items() if value is None)}",
                expected="all three where no terminal can be asked",
                fix="tfx-estimators new NAME --data FILE --label COLUMN",
            )
        name, data, label = _ask(name, data, label)
    assert name is not None
    assert data is not None
    assert label is not None

    from tfx_estimators.pipelines.project.creation import create_project

    project = create_project(name, data, label)
    # No table: it would cut the reasons.
    for one in project.proposals:
        echo(f"{escaped(one.name)}: {escaped(one.seen)}\n    {escaped(one.becomes)}")
    pipeline = os.path.relpath(project.folder / "pipeline.py")
    echo(
        f"\n{escaped(project.task.source)}: {project.task.kind.value}\n"
        f"written to {project.folder}: model.py, pipeline.py, README.md, test_model.py\n"
        f"next: tfx-estimators run {pipeline}"
    )


def _ask(
    name: pathlib.Path | None, data: pathlib.Path | None, label: str | None
) -> tuple[pathlib.Path, pathlib.Path, str]:
    """What is not given yet, by questions."""
    from tfx_estimators.commands.printing import echo
    from tfx_estimators.terminal import escaped

    data = data or click.prompt("Data file (CSV, Parquet or TFRecord)", type=pathlib.Path)
    if label is None:
        from tfx_estimators.pipelines.project.data_file import read_data

        columns = [column.name for column in read_data(data).columns]
        echo(f"Columns: {escaped(', '.join(columns))}")
        label = click.prompt("Column to predict", default=columns[-1])
    name = name or click.prompt("Name of the project", type=pathlib.Path, default=data.stem)
    return name, data, label
