"""Files that a reader sees whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import pathlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Protocol

__all__ = ["Rename", "staged", "write_whole"]


class Rename(Protocol):
    """Renames a file, in place of one that is there."""

    def __call__(self, source: Any, target: Any, /, *, overwrite: bool) -> Any:
        """Renames `source` to `target`."""


def write_whole(
    path: str,
    content: str | bytes,
    open_file: Callable[[str, str], Any],
    rename: Rename,
    *,
    shared: bool = False,
) -> None:
    """Writes a file on any file system, in place of one that is there.

    Args:
        path: the file's.
        content: all of it.
        open_file: opens a file, given its path and mode.
        rename: renames one.
        shared: whether several processes may write the file at once. Each then stages it
            under another name, which stays if the process is killed meanwhile.
    """
    beside = f"{path}.{uuid.uuid4().hex}.tmp" if shared else f"{path}.new"
    _remove_link(pathlib.Path(beside))
    with open_file(beside, "wb" if isinstance(content, bytes) else "w") as file:
        file.write(content)
    rename(beside, path, overwrite=True)


@contextlib.contextmanager
def staged(file: pathlib.Path) -> Iterator[pathlib.Path]:
    """The path to write a local file to; at the end of the block it becomes `file`.

    If the block raises, `file` stays as it was.
    """
    beside = file.with_name(f".{file.name}.new")
    _remove_link(beside)
    try:
        yield beside
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _remove_link(beside: pathlib.Path) -> None:
    """What is written must not land where a link of that name leads; in a bucket there is none."""
    if beside.is_symlink():
        beside.unlink()
