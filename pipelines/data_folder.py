"""The folder of input files that a user names with `--data`."""

from __future__ import annotations

import pathlib

from tfx_estimators.errors import DataError

__all__ = ["own_files"]


def own_files(
    data: pathlib.PurePath, pattern: str, *, kind: str, contents: str, otherwise: str
) -> pathlib.PurePath:
    """The folder, absolute, once it is seen to hold files.

    Args:
        data: the folder; a pure path is of another machine, and not looked at.
        pattern: of the files' names.
        kind: what such files are called, "CSV" say.
        contents: what has to be in them.
        otherwise: what happens without `--data`.

    Raises:
        DataError: if there are none.
    """
    if not isinstance(data, pathlib.Path):
        return data
    folder = data.expanduser().absolute()
    if not any(folder.glob(pattern)):
        raise DataError(
            f"--data {folder} holds no {kind} files",
            expected=f"a folder with {pattern} files {contents}",
            fix=f"check the path; without --data {otherwise}",
        )
    return folder
