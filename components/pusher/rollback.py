"""Back to an older version: its content once more, as the newest.

Servers serve the highest number, so a version that was served again under its old
number would never be seen, and removing the newer ones would take them from readers
that have them open.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.model_digest import PUSH_RECORD, hash_model
from tfx_estimators.components.pusher.manifest import (
    Manifest,
    is_whole,
    read_manifest,
    version_digest,
    write_manifest,
)
from tfx_estimators.components.pusher.place import Place, copy_tree
from tfx_estimators.components.pusher.publication import RECORDS, Pushed
from tfx_estimators.errors import PushError
from tfx_estimators.lineage.record_files import write_record
from tfx_estimators.lineage.records import PushRecord

__all__ = ["Version", "list_versions", "roll_back"]


@dataclasses.dataclass(frozen=True)
class Version:
    """A version in a serving folder.

    Attributes:
        version: its number.
        served: whether it is the newest, which servers serve.
        digest: of its SavedModel; None where nothing says it.
        wall_time: when it was pushed, in seconds since 1970 (UTC); None likewise.
        model_uri: uri of the Model artifact; None likewise.
        rolled_back_to: the version whose content it is, if a rollback made it.
        whole: whether its files have the sizes that they had when pushed; None likewise.
    """

    version: int
    served: bool
    digest: str | None
    wall_time: float | None
    model_uri: str | None
    rolled_back_to: int | None
    whole: bool | None


def list_versions(place: Place) -> list[Version]:
    """The versions in a folder, newest first.

    Raises:
        PushError: if there is no such folder, or no version in it.
    """
    found = _existing(place)
    return [_describe(place, version, found[-1]) for version in reversed(found)]


def roll_back(place: Place, to: int | None = None) -> Pushed:
    """Makes an older version's content the newest version.

    Args:
        place: the folder that holds the versions.
        to: the version to go back to; the one before what is served where not given.
            After a rollback that is the one before the version it went back to.

    Raises:
        PushError: if there is no such version, or its files are not those that were
            pushed.
    """
    found = _existing(place)
    target = _before(place, found) if to is None else to
    if target not in found:
        raise PushError(
            f"there is no version {target} in {place.base}",
            expected=f"one of {', '.join(map(str, found))}",
            fix=f"tfx-estimators versions {place.base}",
        )
    if version_digest(f"{place.base}/{target}") is None:
        raise PushError(
            f"version {target} in {place.base} is damaged: its files are not those that were "
            "pushed",
            expected="a version as it was pushed",
            fix=f"choose another one: tfx-estimators versions {place.base}",
        )
    place.check_writable()
    try:
        return _publish_again(place, target)
    except PushError:
        raise
    except OSError as error:
        raise PushError(
            f"version {target} could not be copied within {place.base}: {error}",
            expected="room for one more version, and the right to write it",
            fix=f"look at the space left: df -h {place.base}",
        ) from error


def _publish_again(place: Place, target: int) -> Pushed:
    source = f"{place.base}/{target}"
    before = read_manifest(source)
    with place.staging() as folder:
        copy_tree(source, folder, lambda count: None)
        (folder / PUSH_RECORD).unlink(missing_ok=True)
        manifest = Manifest(
            files=hash_model(str(folder)),
            model_uri=before.model_uri if before else "",
            pipeline=before.pipeline if before else "unknown",
            run=before.run if before else "unknown",
            wall_time=time.time(),
            rolled_back_to=_content_of(place, target),
        )
        write_manifest(str(folder), manifest)
        version, new = place.publish(folder, manifest.digest)
    pushed = Pushed(version, manifest.digest, new)
    if new:
        _write_record(place, pushed, manifest)
    return pushed


def _existing(place: Place) -> list[int]:
    found = place.versions()
    if not found:
        raise PushError(
            f"there are no versions in {place.base}",
            expected="the folder that an EstimatorPusher pushes to",
            fix="give its push_destination; a ready pipeline's is ROOT/serving",
        )
    return found


def _before(place: Place, found: list[int]) -> int:
    served = _content_of(place, found[-1])
    older = [version for version in found if version < served]
    if not older:
        raise PushError(
            f"there is no version before {served} in {place.base}",
            expected="an older version that is still kept",
            fix=f"tfx-estimators versions {place.base} lists them; keep_versions=n keeps more",
        )
    return older[-1]


def _content_of(place: Place, version: int) -> int:
    """The version that first had this content."""
    manifest = read_manifest(f"{place.base}/{version}")
    if manifest is None or manifest.rolled_back_to is None:
        return version
    return manifest.rolled_back_to


def _describe(place: Place, version: int, newest: int) -> Version:
    folder = f"{place.base}/{version}"
    manifest = read_manifest(folder)
    return Version(
        version=version,
        served=version == newest,
        digest=manifest.digest if manifest else None,
        wall_time=manifest.wall_time if manifest else None,
        model_uri=manifest.model_uri if manifest else None,
        rolled_back_to=manifest.rolled_back_to if manifest else None,
        whole=is_whole(folder, manifest) if manifest else None,
    )


def _write_record(place: Place, pushed: Pushed, manifest: Manifest) -> None:
    # Typed in some folder, and asked for in another.
    folder = pushed.folder
    if "://" not in folder:
        folder = str(pathlib.Path(folder).absolute())
    write_record(
        f"{place.base}/{RECORDS}",
        PushRecord(
            pipeline=manifest.pipeline,
            # No run of the pipeline: somebody typed a command.
            run=f"rollback-{pushed.version}",
            node="rollback",
            wall_time=manifest.wall_time,
            uri=folder,
            version=pushed.version,
            destination=folder,
            model_uri=manifest.model_uri,
            model_digest=pushed.digest,
        ),
        files_for(place.base),
    )
