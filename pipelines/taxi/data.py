"""Where the taxi trips come from, and what is wrong with a file that cannot be read."""

from __future__ import annotations

import csv
import importlib.util
import pathlib

from tfx_estimators.errors import CorruptRecordError, DataError
from tfx_estimators.pipelines.data_folder import own_files

__all__ = ["check_rows", "find_trips"]


def find_trips(data: pathlib.PurePath | None) -> tuple[pathlib.PurePath, str]:
    """The folder with the trips and the pattern of the files in it.

    Without a folder: the 10,000 trips that the TFX wheel carries from 1.16 on. A pure path
    is of another machine, and not looked at.

    Raises:
        DataError: if there are no CSV files.
    """
    if data is not None:
        folder = own_files(
            data,
            "*.csv",
            kind="CSV",
            contents="that have a header line",
            otherwise="the trips in the TFX package are used",
        )
        return folder, "*.csv"
    spec = importlib.util.find_spec("tfx")
    if spec is None or spec.origin is None:
        raise DataError("TFX is not installed", fix="pip install tfx-estimators")
    packaged = pathlib.Path(spec.origin).parent / "components/testdata/external/csv"
    if not (packaged / "data.csv").is_file():
        raise DataError(
            "the installed TFX has no taxi trips (TFX 1.16 and later have them)",
            expected="a folder with the trips as CSV",
            fix="pass --data DIR",
        )
    return packaged, "data.csv"


def check_rows(folder: pathlib.PurePath, pattern: str) -> None:
    """Names the first torn line of the files; called when reading them failed.

    Raises:
        CorruptRecordError: with file, line, and the number of fields there and in the
            header.
    """
    for file in sorted(pathlib.Path(folder).glob(pattern)):
        with file.open(newline="", encoding="utf-8", errors="replace") as lines:
            rows = csv.reader(lines)
            header = next(rows, None)
            if not header:
                raise CorruptRecordError(
                    f"{file} is empty",
                    expected="a header line and data lines",
                    fix="remove the file from the folder, or complete it",
                )
            for row in rows:
                if row and len(row) != len(header):
                    raise CorruptRecordError(
                        f"{file}, line {rows.line_num}: {len(row)} fields: {','.join(row)[:120]}",
                        expected=f"{len(header)} fields, as in the header",
                        fix="correct or remove that line",
                    )
