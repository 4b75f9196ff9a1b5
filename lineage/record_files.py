"""Records as files, on any file system."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
from collections.abc import Iterator

from tfx_estimators.errors import DamagedFileError, MissingFilesError
from tfx_estimators.lineage.files import LOCAL, Files
from tfx_estimators.lineage.records import (
    CheckpointRecord,
    Record,
    StepRecord,
    from_json,
    to_json,
)
from tfx_estimators.whole_files import write_whole

__all__ = [
    "SUFFIX",
    "Scanned",
    "paths_below",
    "read_records",
    "record_path",
    "replace_record",
    "scan_records",
    "write_record",
]

SUFFIX = ".record.json"
"""How the name of every record's file ends."""

_LONGEST_STEM = 100

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Scanned:
    """What was found in a folder.

    Attributes:
        records: by path, in order.
        skipped: paths of those that are damaged or could not be read.
    """

    records: dict[str, Record]
    skipped: list[str]


def record_path(folder: str, record: Record) -> str:
    """Where a record is kept in a folder.

    The name is the same for the same thing, so writing it again replaces it.
    """
    identity = [record.kind, record.pipeline]
    if isinstance(record, StepRecord):
        identity += [record.run, record.node, str(record.execution)]
        stem = record.node
    else:
        identity += [record.uri, getattr(record, "digest", "")]
        stem = f"{record.step}" if isinstance(record, CheckpointRecord) else record.node
    # A node may be called anything; the digest tells apart what is cut or replaced here.
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", stem)[:_LONGEST_STEM]
    short = hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]
    return f"{folder.rstrip('/')}/{record.kind}-{stem}-{short}{SUFFIX}"


def write_record(folder: str, record: Record, files: Files = LOCAL) -> str:
    """Writes a record into a folder; a reader sees all of it or nothing.

    Args:
        folder: made if it is not there. For a checkpoint the one that it lies in.
        record: the record. One of the same thing is replaced.
        files: the file system.

    Returns:
        The file's path.

    Raises:
        OSError: if it cannot be written.
    """
    path = record_path(folder, record)
    files.makedirs(folder)
    replace_record(path, record, files)
    return path


def replace_record(path: str, record: Record, files: Files = LOCAL) -> None:
    """Writes a record to a path that it is known to have, at once."""
    write_whole(path, to_json(record), files.open, files.rename, shared=True)


def read_records(folder: str, files: Files = LOCAL) -> dict[str, Record]:
    """Every record in a folder and those below it, by path in order.

    One that is damaged, of another format, or cannot be read, is skipped with a warning: it
    must not hide the others.

    Raises:
        MissingFilesError: if the folder does not exist.
    """
    return scan_records(folder, files).records


def scan_records(folder: str, files: Files = LOCAL) -> Scanned:
    """Every record in a folder and those below it, and which could not be read.

    Raises:
        MissingFilesError: if the folder does not exist.
    """
    # A file can be walked too, and has nothing below it.
    if not files.exists(folder) or not any(True for _ in files.walk(folder)):
        raise MissingFilesError(
            f"there is no folder {folder}",
            expected="a folder with checkpoints and their records",
            fix="check the path; a run keeps them in ROOT/checkpoints",
        )
    found = Scanned({}, [])
    for path in sorted(path for path in paths_below(folder, files) if path.endswith(SUFFIX)):
        try:
            with files.open(path, "rb") as file:
                found.records[path] = from_json(file.read(), path)
        except DamagedFileError as error:
            _log.warning("skipped: %s", error)
            found.skipped.append(path)
        except files.failures as error:
            _log.warning("skipped: %s cannot be read: %s", path, error)
            found.skipped.append(path)
    return found


def paths_below(folder: str, files: Files = LOCAL) -> Iterator[str]:
    """Every file in a folder and those below it, in no order."""
    for inside, _, names in files.walk(folder):
        for name in names:
            yield f"{_text(inside).rstrip('/')}/{_text(name)}"


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
