"""A bucket and the launcher's copies of it, imitated with folders.

The launcher copies a step's inputs from the bucket to /minio, /s3 or /gcs, and what the
step leaves there back to the bucket. A bucket has files only: an empty folder is lost.
The standard library only, as `orchestrator`, which uses it.
"""

from __future__ import annotations

import os
import pathlib
import shutil

__all__ = ["FOLDERS", "LauncherCopies"]

FOLDERS = {"gs://": "gcs", "minio://": "minio", "s3://": "s3"}
"""Names of the folders in which the launcher has its copies, by the buckets' schemes."""


class LauncherCopies:
    """The copies that a pod has.

    Args:
        root: URI of the pipeline root in the bucket.
        bucket: the folder whose content is the pipeline root's.
        folder: stands for "/" of the pod as far as copies go; made anew by `begin`.
    """

    def __init__(self, root: str, bucket: pathlib.Path, folder: pathlib.Path) -> None:
        self._root, self._bucket = root.rstrip("/"), bucket
        self.folder = folder

    def uri(self, place: pathlib.Path) -> str:
        """The URI of what lies in the bucket's folder."""
        return f"{self._root}/{place.relative_to(self._bucket).as_posix()}"

    def kept(self, uri: str) -> pathlib.Path:
        """Where the bucket has what a URI names."""
        return self._bucket / uri.removeprefix(f"{self._root}/")

    def local(self, uri: str) -> pathlib.Path:
        """Where the step sees it."""
        scheme, _, rest = uri.partition("://")
        return self.folder / FOLDERS[f"{scheme}://"] / rest

    def begin(self) -> None:
        """Begins with nothing, as a pod does."""
        self.end()
        self.folder.mkdir(parents=True)

    def end(self) -> None:
        """Removes the copies, which go with the pod."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def download(self, uri: str) -> None:
        """Copies an input, unless it is in no bucket of this run."""
        if uri.startswith(f"{self._root}/"):
            _copy_files(self.kept(uri), self.local(uri))

    def upload(self, uri: str) -> None:
        """Copies an output; there may be none."""
        _copy_files(self.local(uri), self.kept(uri))


def _copy_files(source: pathlib.Path, target: pathlib.Path) -> None:
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return
    for folder, _, names in os.walk(source):
        for name in names:
            file = pathlib.Path(folder, name)
            _copy_files(file, target / file.relative_to(source))
