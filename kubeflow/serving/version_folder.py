"""A version where KServe's TensorFlow runtime finds it.

TensorFlow Serving looks in the folder that it is given for folders with numbers, and KServe
brings it what lies under `storageUri`. So a version is served from a folder of its own:

    SERVING/1763900000/                                      as EstimatorPusher puts it
    SERVING/.kserve/NAMESPACE.NAME/1763900000/1763900000/    as KServe sees it

On a volume those are hard links, which take no room. What nobody points at yet need not
appear at once: `saved_model.pb` comes last and says that the rest is there.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Iterable
from typing import Any

from tfx_estimators.errors import PushError

__all__ = ["VersionFolder"]

_MARKER = "saved_model.pb"
# Of those that KServe 0.15 reads (SupportedStorageURIPrefixList) what can be written to.
_SCHEMES = ("gs://", "s3://", "hdfs://", "webhdfs://")


class VersionFolder:
    """A version's own folder.

    Args:
        pushed: the version's folder, as EstimatorPusher names it (`pushed_destination`).
        service: whose folder, "NAMESPACE.NAME".
        claim: name and path of the volume it lies on; None for a bucket.

    Raises:
        PushError: if KServe could not read what lies there.
    """

    def __init__(self, pushed: str, service: str, claim: tuple[str, str] | None) -> None:
        self._pushed = pushed.rstrip("/")
        base, _, self._version = self._pushed.rpartition("/")
        self._siblings = f"{base}/.kserve/{service}"
        self._folder = f"{self._siblings}/{self._version}"
        self.uri = _uri(self._folder, claim)

    def make(self) -> None:
        """Puts the version there, if it is not there yet.

        Raises:
            PushError: if the folder cannot be written.
        """
        target = f"{self._folder}/{self._version}"
        try:
            if "://" in target:
                self._copy(target)
            else:
                _link(pathlib.Path(self._pushed), pathlib.Path(target))
        except OSError as error:
            raise PushError(
                f"{target} cannot be written: {error}",
                expected="an existing version, in a folder that this step can write to",
                fix=f"ls -la {self._siblings}",
            ) from error

    def remove_others(self, kept: Iterable[str | None]) -> None:
        """Removes this service's other versions; the pusher's own folders stay.

        Args:
            kept: uris of those that are still needed.
        """
        names = {uri.rpartition("/")[2] for uri in kept if uri} | {self._version}
        if "://" in self._siblings:
            files = _gfile()
            for name in files.listdir(self._siblings):
                if name.strip("/") not in names:
                    files.rmtree(f"{self._siblings}/{name.strip('/')}")
            return
        for folder in pathlib.Path(self._siblings).iterdir():
            if folder.name not in names:
                shutil.rmtree(folder, ignore_errors=True)

    def _copy(self, target: str) -> None:
        import tensorflow as tf

        files = _gfile()
        try:
            if files.exists(f"{target}/{_MARKER}"):
                return
            names = [
                f"{folder}/{name}"[len(self._pushed) + 1 :]
                for folder, _, inside in files.walk(self._pushed)
                for name in inside
            ]
            for name in sorted(names, key=lambda name: (name == _MARKER, name)):
                files.makedirs(f"{target}/{name}".rpartition("/")[0])
                files.copy(f"{self._pushed}/{name}", f"{target}/{name}", overwrite=True)
        except tf.errors.OpError as error:
            raise OSError(error.message) from error


def _link(source: pathlib.Path, target: pathlib.Path) -> None:
    if (target / _MARKER).exists():
        return
    names = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    if pathlib.Path(_MARKER) not in names:
        raise FileNotFoundError(f"there is no {source / _MARKER}")
    for name in sorted(names, key=lambda name: (str(name) == _MARKER, name)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).unlink(missing_ok=True)
        try:
            os.link(source / name, target / name)
        except OSError:  # Volumes over a network may have no links.
            shutil.copyfile(source / name, target / name)


def _uri(folder: str, claim: tuple[str, str] | None) -> str:
    if folder.startswith(_SCHEMES):
        return folder
    if claim is not None and folder.startswith(f"{claim[1].rstrip('/')}/"):
        return f"pvc://{claim[0]}/{folder[len(claim[1].rstrip('/')) + 1 :]}"
    lies = "not on a known volume" if claim is None else f"not on the claim at {claim[1]}"
    raise PushError(
        f"KServe cannot read {folder}: it is {lies}",
        expected=f"a push_destination on a claim, or one of {', '.join(_SCHEMES)}",
        fix="InferenceService(name, claim=Claim('checkpoints', '/volume')) and "
        "push_destination='/volume/serving'",
    )


def _gfile() -> Any:
    import tensorflow as tf

    return tf.io.gfile
