"""A push from its SavedModel to the version that readers see, and the record of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.model_digest import FileDigest, hash_model, model_digest
from tfx_estimators.components.origin import Origin
from tfx_estimators.components.pusher.afterwards import only_warns
from tfx_estimators.components.pusher.manifest import Manifest, write_manifest
from tfx_estimators.components.pusher.place import Place, copy_tree
from tfx_estimators.components.pusher.trial import try_model
from tfx_estimators.errors import PushError
from tfx_estimators.lineage.record_files import write_record
from tfx_estimators.lineage.records import PushRecord
from tfx_estimators.terminal import say

__all__ = ["RECORDS", "Push", "Pushed"]

RECORDS = ".records"
"""Folder, beside the versions, of what ML Metadata is told of them."""


@dataclasses.dataclass(frozen=True)
class Pushed:
    """What a push came to.

    Attributes:
        folder: the version's.
        digest: the SavedModel's.
        new: False if the newest version held the model already.
    """

    folder: str
    digest: str
    new: bool

    @property
    def version(self) -> str:
        """The version's name."""
        return self.folder.rpartition("/")[2]


@dataclasses.dataclass(frozen=True)
class Push:
    """A push.

    Attributes:
        source: folder of the SavedModel.
        model_uri: uri of the Model artifact that it belongs to.
        place: the folder that holds the versions.
        archive: uri of the PushedModel artifact, which gets a copy.
        examples: serialized tf.Examples to try the model on; may be empty.
        keep: how many versions to keep; None for all.
        origin: the execution that pushes.
        examples_model: folder of the same model as one that takes tf.Examples, if the
            one that is pushed takes raw tensors.
    """

    source: str
    model_uri: str
    place: Place
    archive: str
    examples: Sequence[bytes]
    keep: int | None
    origin: Origin
    examples_model: str | None = None

    def run(self, copied: Callable[[int], None]) -> Pushed:
        """Pushes.

        Args:
            copied: called with 1 for each file copied.

        Raises:
            PushError: if there is no model, it does not work, or it cannot be written.
        """
        if not files_for(self.source).exists(f"{self.source}/saved_model.pb"):
            raise PushError(
                f"there is no {self.source}/saved_model.pb",
                expected="a Model artifact with a serving SavedModel",
                fix="check that the trainer exported its model",
            )
        try:
            pushed = self._again() or self._anew(copied)
        except PushError:
            raise
        except OSError as error:
            raise PushError(
                f"the model could not be copied to {self.place.base}: {error}",
                expected="a file system with enough space that keeps what is written",
                fix=f"check the free space: df -h {self.place.base}",
            ) from error
        with only_warns(f"version {pushed.version} is served, but could not be recorded"):
            self._write_record(pushed)
        return pushed

    def _again(self) -> Pushed | None:
        """The version that holds this model already: nothing is tried or written twice."""
        files = hash_model(self.source)
        digest = model_digest(files)
        same = self.place.find_same(digest)
        if same is None:
            return None
        # From the source: another push may remove the version meanwhile.
        copy_tree(self.source, self.archive, lambda count: None)
        write_manifest(self.archive, self._manifest(files))
        pushed = Pushed(same, digest, new=False)
        say(
            f"EstimatorPusher: version {pushed.version} is already this model ({digest[:12]}), "
            "so nothing is pushed"
        )
        return pushed

    def _anew(self, copied: Callable[[int], None]) -> Pushed:
        with self.place.staging() as folder:
            copy_tree(self.source, folder, copied)
            # Of the copy: what is tried and published is what was read.
            manifest = self._manifest(hash_model(str(folder)))
            write_manifest(str(folder), manifest)
            try_model(folder, self.examples, self.examples_model)
            # The artifact's own copy comes first: with the rename all is done.
            copy_tree(str(folder), self.archive, lambda count: None)
            version, new = self.place.publish(folder, manifest.digest, self.keep)
            return Pushed(version, manifest.digest, new)

    def _manifest(self, files: Mapping[str, FileDigest]) -> Manifest:
        return Manifest(
            files=files,
            model_uri=self.model_uri,
            pipeline=self.origin.pipeline,
            run=self.origin.run,
            wall_time=time.time(),
        )

    def _write_record(self, pushed: Pushed) -> None:
        write_record(
            f"{self.place.base}/{RECORDS}",
            PushRecord(
                **dataclasses.asdict(self.origin),
                wall_time=time.time(),
                uri=self.archive,
                version=pushed.version,
                destination=pushed.folder,
                model_uri=self.model_uri,
                model_digest=pushed.digest,
            ),
            files_for(self.place.base),
        )
