"""`--metadata`, and the newest store below runs/ where it is not given."""

from __future__ import annotations

import pathlib

import click

from tfx_estimators.environment_variables import METADATA
from tfx_estimators.errors import MissingFilesError
from tfx_estimators.terminal import escaped, say

__all__ = ["metadata_option", "metadata_place", "metadata_places"]

# As ready pipelines have it, and as pipelines of one's own often do.
_BELOW_RUNS = ("*/metadata/metadata.sqlite", "*/metadata.sqlite")
metadata_option = click.option(
    "--metadata",
    metavar="PLACE",
    envvar=METADATA,
    show_envvar=True,
    help="An SQLite file, the folder of a run, a .pbtxt with ml-metadata's connection "
    "settings, grpc://host:port or mysql://user:password@host:port/database.  "
    "[default: the newest below runs/]",
)


def metadata_place(metadata: str | None) -> str:
    """The store that is meant: the newest below runs/ where nothing is said.

    Raises:
        MissingFilesError: if nothing is said and nothing was run here.
    """
    found = metadata_places(metadata)
    if len(found) > 1:
        say(f"metadata: {escaped(found[0])}")
    return found[0]


def metadata_places(metadata: str | None) -> list[str]:
    """The store that is meant; where nothing is said all below runs/, the newest first.

    Raises:
        MissingFilesError: if nothing is said and nothing was run here.
    """
    if metadata is not None:
        return [metadata]
    runs = pathlib.Path("runs")
    found = [file for pattern in _BELOW_RUNS for file in runs.glob(pattern) if file.is_file()]
    if not found:
        raise MissingFilesError(
            f"there is no metadata below {runs.absolute()}",
            expected="the folder of a run, as tfx-estimators run leaves it",
            fix="run this where the pipeline was run, or pass --metadata",
        )
    return [str(file) for file in sorted(found, key=_changed, reverse=True)]


def _changed(file: pathlib.Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
