"""Versions in a bucket, which has no rename and no locks: order and a lease do their work.

    gs://BUCKET/SERVING/1763900000/      a version
    gs://BUCKET/SERVING/.push.lease      signed while a version appears or goes
    gs://BUCKET/SERVING/.claims/1763900000-ab12   the number is this push's alone

A version is there once its `saved_model.pb` is: that is written after everything else, and
removed before everything else. Readers that list the folder may see a number before; a
model server fails to load it then, and tries again.

A push that stood still while another took its lease over may write one more file before it
notices, were it the last one. So no two pushes ever write below one number, and nobody
removes what is not complete before its push has been silent for a day.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import random
import tempfile
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from tfx_estimators.components.lease import Lease, hold_lease
from tfx_estimators.components.model_digest import PUSH_RECORD, list_files
from tfx_estimators.components.pusher.afterwards import only_warns
from tfx_estimators.components.pusher.manifest import version_digest
from tfx_estimators.components.pusher.numbers import next_number, number_of
from tfx_estimators.components.scratch import scratch_folder
from tfx_estimators.components.tree import walk_files
from tfx_estimators.errors import PushError
from tfx_estimators.terminal import say

__all__ = ["Bucket"]

_MARKER = "saved_model.pb"
_LEASE = ".push.lease"
_CLAIMS = ".claims"
_STAGING = "tfx-estimators-push-"
_SECONDS_UNTIL_ABANDONED = 24 * 3600


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
        try:
            found = (number_of(name) for name in self._names())
            return sorted(
                number
                for number in found
                if number and self._files.exists(f"{self.base}/{number}/{_MARKER}")
            )
        except self._error as error:
            raise PushError(
                f"the versions in {self.base} cannot be listed: {error.message}",
                expected="a bucket that this process can read",
                fix="correct the folder, or the permissions of the account",
            ) from error

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
                expected="a bucket that this process can write to and TensorFlow supports",
                fix="correct push_destination, or the permissions of the account",
            ) from error

    @contextlib.contextmanager
    def staging(self) -> Iterator[pathlib.Path]:
        """See `Place`; in the temporary place of this machine."""
        with scratch_folder(pathlib.Path(tempfile.gettempdir()), _STAGING, PushError) as folder:
            yield folder

    def find_same(self, digest: str) -> str | None:
        """See `Place`."""
        for newest in self.versions()[-1:]:
            folder = f"{self.base}/{newest}"
            with contextlib.suppress(self._error):  # Removed meanwhile.
                if version_digest(folder) == digest:
                    return folder
        return None

    @contextlib.contextmanager
    def turn(self) -> Iterator[Callable[[pathlib.Path, str, int | None], tuple[str, bool]]]:
        """See `Place`."""
        try:
            with hold_lease(f"{self.base}/{_LEASE}", _say, PushError) as lease:
                yield functools.partial(self._publish, lease)
        except self._error as error:
            raise PushError(
                f"no version could be put into {self.base}: {error.message}",
                expected="a bucket that keeps what is written to it",
                fix="push again: an incomplete copy is not a version",
            ) from error

    def publish(
        self, staged: pathlib.Path, digest: str, keep: int | None = None
    ) -> tuple[str, bool]:
        """See `Place`."""
        with self.turn() as publish:
            return publish(staged, digest, keep)

    def _publish(
        self, lease: Lease, staged: pathlib.Path, digest: str, keep: int | None
    ) -> tuple[str, bool]:
        folder = self.find_same(digest)
        new = folder is None
        if folder is None:
            folder = self._upload(staged, lease)
        with only_warns(f"files no longer needed in {self.base} could not be removed"):
            self._remove_old(keep, lease)
            self._sweep(lease)
        return folder, new

    def _upload(self, staged: pathlib.Path, lease: Lease) -> str:
        # The manifest first: it shows whose the rest is.
        last = {PUSH_RECORD: -1, _MARKER: 1}
        names = sorted(walk_files(str(staged)), key=lambda name: (last.get(name, 0), name))
        with self._claimed() as number:
            target = f"{self.base}/{number}"
            try:
                for name in names:
                    lease.check()
                    self._files.makedirs(f"{target}/{name}".rpartition("/")[0])
                    self._files.copy(str(staged / name), f"{target}/{name}", overwrite=True)
                self._check(target, staged)
            except BaseException:
                with contextlib.suppress(self._error):
                    self._remove(target)
                raise
        return target

    def _check(self, target: str, staged: pathlib.Path) -> None:
        if list_files(target) != list_files(str(staged)):
            raise PushError(
                f"{target} does not hold what was copied there",
                expected="a bucket that nothing else changes",
                fix="push again, and check what else writes there",
            )

    @contextlib.contextmanager
    def _claimed(self) -> Iterator[int]:
        """The next number, for this push alone.

        Written down first, then looked at: of two pushes at least one sees the other.
        """
        token = uuid.uuid4().hex
        number = next_number(self._names(), self.base)
        while True:
            claim = f"{self.base}/{_CLAIMS}/{number}-{token}"
            self._files.makedirs(f"{self.base}/{_CLAIMS}")
            with self._files.GFile(claim, "w") as file:
                file.write("")
            others = [name for name in self._claims() if name.startswith(f"{number}-")]
            names = self._names()
            if others == [f"{number}-{token}"] and str(number) not in names:
                break
            self._files.remove(claim)
            # By chance, so that two do not go on side by side.
            number = next_number([*names, str(number + random.randrange(8))], self.base)
        try:
            yield number
        finally:
            with contextlib.suppress(self._error):
                self._files.remove(claim)

    def _remove_old(self, keep: int | None, lease: Lease) -> None:
        if keep is None:
            return
        for version in self.versions()[:-keep]:
            lease.check()
            self._remove(f"{self.base}/{version}")

    def _remove(self, folder: str) -> None:
        with contextlib.suppress(self._error):
            self._files.remove(f"{folder}/{_MARKER}")
        self._files.rmtree(folder)

    def _sweep(self, lease: Lease) -> None:
        """Removes what pushes that were killed have left long ago, by the bucket's clock."""
        # Signed a moment ago.
        now = self._files.stat(f"{self.base}/{_LEASE}").mtime_nsec
        there = set(self.versions())
        for name in self._names():
            number, folder = number_of(name), f"{self.base}/{name}"
            if number and number not in there and self._is_old(f"{folder}/{PUSH_RECORD}", now):
                lease.check()
                self._files.rmtree(folder)
        for name in self._claims():
            claim = f"{self.base}/{_CLAIMS}/{name}"
            if self._is_old(claim, now):
                self._files.remove(claim)

    def _is_old(self, path: str, now: int) -> bool:
        """Whether a file of ours is there that nobody has written for long."""
        if not self._files.exists(path):
            return False
        age = (now - self._files.stat(path).mtime_nsec) / 1e9
        return bool(age >= _SECONDS_UNTIL_ABANDONED)

    def _names(self) -> list[str]:
        return self._listed(self.base)

    def _claims(self) -> list[str]:
        return self._listed(f"{self.base}/{_CLAIMS}")

    def _listed(self, folder: str) -> list[str]:
        if not self._files.isdir(folder):
            return []
        return [name.strip("/") for name in self._files.listdir(folder)]


def _say(text: str) -> None:
    say(f"EstimatorPusher: {text}")
