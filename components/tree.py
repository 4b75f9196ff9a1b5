"""Trees of files, read whole or not at all: what cannot be listed is an error.

`os.walk` and `tf.io.gfile.walk` silently skip a folder that cannot be listed. Code that
digests or copies a model must not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import shutil
import stat
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from tfx_estimators.errors import SavedModelError

__all__ = ["copy_tree", "open_file", "walk_files", "walk_tree"]

_CHUNK = 1 << 20


def walk_tree(folder: str) -> Iterator[tuple[str, list[str]]]:
    """Every folder of a tree, the top first, links to folders included.

    Args:
        folder: on any file system that TensorFlow reads.

    Yields:
        A folder's path relative to `folder`, "" for itself, and the names of its files.

    Raises:
        OSError: if something cannot be listed, or is gone meanwhile; in a bucket
            `tf.errors.OpError`.
        SavedModelError: if a link leads back to a folder above it, or something is neither
            a file nor a folder.
    """
    if "://" in folder:
        import tensorflow as tf

        for inside, _, names in tf.io.gfile.walk(folder, onerror=_raise):
            yield inside[len(folder) :].strip("/"), sorted(names)
        return
    yield from _walk(folder, "", ())


def walk_files(folder: str) -> Iterator[str]:
    """Every file of a tree, relative to it; see `walk_tree`."""
    for inside, names in walk_tree(folder):
        for name in names:
            yield f"{inside}/{name}" if inside else name


def copy_tree(source: str, target: str | pathlib.Path, copied: Callable[[int], None]) -> None:
    """Copies a tree, its empty folders too; links become what they lead to.

    Args:
        source: folder on any file system that TensorFlow reads.
        target: folder, made where it is not there.
        copied: called with 1 for each file copied.

    Raises:
        OSError, SavedModelError: as `walk_tree` does, or if something cannot be read or
            written.
    """
    remote = "://" in str(target)
    # To its end first: of a tree that is none, nothing is copied.
    for inside, names in list(walk_tree(source)):
        folder = f"{target}/{inside}".rstrip("/")
        if remote:
            import tensorflow as tf

            tf.io.gfile.makedirs(folder)
        else:
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            path = f"{source}/{inside}/{name}" if inside else f"{source}/{name}"
            with open_file(path) as reader, _create(f"{folder}/{name}", remote) as writer:
                shutil.copyfileobj(reader, writer, length=_CHUNK)
            copied(1)


def open_file(path: str) -> Any:
    """Opens a file to read its bytes, on any file system that TensorFlow reads.

    Raises:
        OSError: if it cannot be opened, or is no file.
    """
    if "://" in path:
        import tensorflow as tf

        return tf.io.gfile.GFile(path, "rb")
    # Opening a pipe would wait for somebody to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file", path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise


def _walk(top: str, inside: str, above: tuple[tuple[int, int], ...]) -> Iterator[Any]:
    here = f"{top}/{inside}" if inside else top
    itself = pathlib.Path(here).stat()
    identity = (itself.st_dev, itself.st_ino)
    if identity in above:
        raise _odd(here, "is a link that leads back to a folder above it")
    folders, files = [], []
    for name in sorted(os.listdir(here)):  # noqa: PTH208
        path = pathlib.Path(here, name)
        try:
            mode = path.stat().st_mode
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _odd(str(path), "is a link that leads to itself") from error
            if error.errno == errno.ENOENT and path.is_symlink():
                raise _odd(str(path), "is a link that leads nowhere") from error
            raise
        if stat.S_ISDIR(mode):
            folders.append(name)
        elif stat.S_ISREG(mode):
            files.append(name)
        else:
            raise _odd(str(path), "is neither a file nor a folder")
    yield inside, files
    for name in folders:
        yield from _walk(top, f"{inside}/{name}" if inside else name, (*above, identity))


def _create(path: str, remote: bool) -> Any:
    if not remote:
        return pathlib.Path(path).open("wb")
    import tensorflow as tf

    return tf.io.gfile.GFile(path, "wb")


def _odd(path: str, what: str) -> SavedModelError:
    return SavedModelError(
        f"{path} {what}",
        expected="a SavedModel: files and folders",
        fix="export the model again, or remove what does not belong to it",
    )


def _raise(error: Exception) -> NoReturn:
    raise error
