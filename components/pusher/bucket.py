"""Versions in a bucket, which has no rename and no locks: order and a lease do their work.

    gs://BUCKET/SERVING/1763900000/      a version
    gs://BUCKET/SERVING/.push.lease      signed while a version appears or goes

A version is there once its `saved_model.pb` is: that is written after everything else, and
removed before everything else. Readers that list the folder may see a number before; a
model server fails to load it then, and tries again.
"""

from __future__ import annotations

import contextlib
import pathlib
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from typing import Any

from tfx_estimators.components.lease import hold_lease
from tfx_estimators.components.pusher.manifest import version_digest
from tfx_estimators.errors import PushError

__all__ = ["Bucket"]

_MARKER = "saved_model.pb"
_LEASE = ".push.lease"


class Bucket:
    """A folder of versions that `tf.io.gfile` reaches; a `Place`.

    Args:
        base: the folder, with its scheme.
    """

    def __init__(self, base: str) -> None:
        import tensorflow as tf

        self.base = base.rstrip("/")
        self._files: Any = tf.io.gfile
        self._error: Any = tf.errors.OpError

    def versions(self) -> list[int]:
        """See `Place`."""
        return [
            number
            for number in self._numbers()
            if self._files.exists(f"{self.base}/{number}/{_MARKER}")
        ]

    def check_writable(self) -> None:
        """See `Place`."""
        probe = f"{self.base}/.probe-{uuid.uuid4().hex}"
        try:
            self._files.makedirs(self.base)
            with self._files.GFile(probe, "w") as file:
                file.write("")
            self._files.remove(probe)
        except self._error as error:
            raise PushError(
                f"the push destination {self.base} cannot be written: {error.message}",
                expected="a bucket that this process may write, of a kind that TensorFlow knows",
                fix="correct push_destination, or the rights of the account",
            ) from error

    @contextlib.contextmanager
    def staging(self) -> Iterator[pathlib.Path]:
        """See `Place`."""
        with tempfile.TemporaryDirectory() as folder:
            yield pathlib.Path(folder)

    def find_same(self, digest: str) -> str | None:
        """See `Place`."""
        for newest in self.versions()[-1:]:
            folder = f"{self.base}/{newest}"
            with contextlib.suppress(self._error):  # Removed meanwhile.
                if version_digest(folder) == digest:
                    return folder
        return None

    def publish(
        self, staged: pathlib.Path, digest: str, keep: int | None = None
    ) -> tuple[str, bool]:
        """See `Place`."""
        try:
            with hold_lease(f"{self.base}/{_LEASE}", _say):
                self._sweep()
                folder = self.find_same(digest)
                new = folder is None
                if folder is None:
                    folder = self._upload(staged)
                self._remove_old(keep)
        except self._error as error:
            raise PushError(
                f"no version could be put into {self.base}: {error.message}",
                expected="a bucket that keeps what is written",
                fix="push again: what is incomplete is removed first",
            ) from error
        return folder, new

    def _upload(self, staged: pathlib.Path) -> str:
        version = max([int(time.time()), *(newest + 1 for newest in self._numbers()[-1:])])
        target = f"{self.base}/{version}"
        names = sorted(
            path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()
        )
        names.remove(_MARKER)
        for name in [*names, _MARKER]:
            self._files.makedirs(f"{target}/{name}".rpartition("/")[0])
            self._files.copy(str(staged / name), f"{target}/{name}", overwrite=True)
        return target

    def _remove_old(self, keep: int | None) -> None:
        if keep is None:
            return
        for version in self.versions()[:-keep]:
            self._files.remove(f"{self.base}/{version}/{_MARKER}")
            self._files.rmtree(f"{self.base}/{version}")

    def _sweep(self) -> None:
        """Removes what a push that was killed has left; nobody else writes meanwhile."""
        for number in set(self._numbers()) - set(self.versions()):
            self._files.rmtree(f"{self.base}/{number}")

    def _numbers(self) -> list[int]:
        if not self._files.isdir(self.base):
            return []
        names = (name.strip("/") for name in self._files.listdir(self.base))
        return sorted(int(name) for name in names if name.isdecimal())


def _say(text: str) -> None:
    print(f"EstimatorPusher: {text}", file=sys.stderr, flush=True)
