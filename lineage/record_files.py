"""Records as files, on any file system.

`Files` is what is asked of one: `components.gfile` has those for buckets; this room itself
knows the local disk only.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import pathlib
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from tfx_estimators.errors import CorruptRecordError, NotInMetadataError
from tfx_estimators.lineage.records import (
    CheckpointRecord,
    Record,
    StepRecord,
    from_json,
    to_json,
)

__all__ = [
    "LOCAL",
    "SUFFIX",
    "Files",
    "LocalFiles",
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


class Files(Protocol):
    """What is asked of a file system.

    Attributes:
        failures: what it raises where a file cannot be read or written.
    """

    failures: tuple[type[Exception], ...]

    def open(self, path: Any, mode: str) -> Any:
        """Opens a file."""

    def exists(self, path: Any) -> bool:
        """Whether there is such a file or folder."""

    def makedirs(self, path: Any) -> None:
        """Makes a folder and those above it; no error if it exists."""

    def remove(self, path: Any) -> None:
        """Removes a file."""

    def rename(self, src: Any, dst: Any, overwrite: bool) -> None:
        """Renames a file, at once where the file system can."""

    def walk(self, top: Any) -> Iterable[tuple[Any, Sequence[Any], Sequence[Any]]]:
        """Every folder below, with its folders and files."""


class LocalFiles:
    """`Files` on the local disk."""

    failures: tuple[type[Exception], ...] = (OSError,)

    def open(self, path: str, mode: str) -> Any:
        """Opens a file; to write, not through a link of its name."""
        if mode.startswith("r"):
            return pathlib.Path(path).open(mode)
        return open(path, mode, opener=_not_through_a_link)

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return pathlib.Path(path).exists()

    def makedirs(self, path: str) -> None:
        """Makes a folder and those above it."""
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)

    def remove(self, path: str) -> None:
        """Removes a file."""
        pathlib.Path(path).unlink()

    def rename(self, src: str, dst: str, overwrite: bool) -> None:
        """Renames a file in one step, having made sure that it is on the disk."""
        if not overwrite and pathlib.Path(dst).exists():
            raise FileExistsError(dst)
        with pathlib.Path(src).open("rb") as file:
            os.fsync(file.fileno())
        pathlib.Path(src).replace(dst)

    def walk(self, top: str) -> Iterator[tuple[str, list[str], list[str]]]:
        """Every folder below; raises what cannot be listed, unless it is gone."""
        return os.walk(top, onerror=_raise_unless_gone)


def _not_through_a_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


LOCAL = LocalFiles()


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
    staged = f"{path}.{uuid.uuid4().hex}.tmp"
    with files.open(staged, "w") as file:
        file.write(to_json(record))
    files.rename(staged, path, overwrite=True)


def read_records(folder: str, files: Files = LOCAL) -> dict[str, Record]:
    """Every record in a folder and those below it, by path in order.

    One that is damaged, of another format, or cannot be read, is skipped with a warning: it
    must not hide the others.

    Raises:
        NotInMetadataError: if the folder does not exist.
    """
    return scan_records(folder, files).records


def scan_records(folder: str, files: Files = LOCAL) -> Scanned:
    """Every record in a folder and those below it, and which could not be read.

    Raises:
        NotInMetadataError: if the folder does not exist.
    """
    # A file can be walked too, and has nothing below it.
    if not files.exists(folder) or not any(True for _ in files.walk(folder)):
        raise NotInMetadataError(
            f"there is no folder {folder}",
            expected="a folder with checkpoints and their records",
            fix="check the path; a run keeps them in ROOT/checkpoints",
        )
    found = Scanned({}, [])
    for path in sorted(path for path in paths_below(folder, files) if path.endswith(SUFFIX)):
        try:
            with files.open(path, "rb") as file:
                found.records[path] = from_json(file.read(), path)
        except CorruptRecordError as error:
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
