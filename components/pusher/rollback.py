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
from tfx_estimators.components.pusher.afterwards import only_warns
from tfx_estimators.components.pusher.manifest import (
    Manifest,
    is_whole,
    read_manifest,
    write_manifest,
)
from tfx_estimators.components.pusher.place import Place, Publish, copy_tree
from tfx_estimators.components.pusher.publication import RECORDS, Pushed
from tfx_estimators.errors import PushError, SavedModelError
from tfx_estimators.lineage.record_files import write_record
from tfx_estimators.lineage.records import PushRecord

__all__ = ["Version", "list_versions", "roll_back"]

_VERSIONS_SHOWN = 5


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
        whole: whether its files have the sizes that they had when pushed, and it says so
            itself in a manifest that can be read; None where it has no manifest, or cannot be
            read at present.
        problem: why it, or its manifest, cannot be read; None if it can be.
    """

    version: int
    served: bool
    digest: str | None
    wall_time: float | None
    model_uri: str | None
    rolled_back_to: int | None
    whole: bool | None
    problem: str | None = None


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
        PushError: if there is no such version, its files are not those that were pushed, or
            its manifest cannot be read.
    """
    _existing(place)
    place.check_writable()
    try:
        with place.staging() as folder, place.turn() as publish:
            # Nothing is added or removed from here on.
            found = _existing(place)
            target = _before(place, found) if to is None else to
            if target not in found:
                raise _unknown(place, target, found)
            pushed, manifest = _publish_again(place, target, folder, publish)
    except PushError:
        raise
    except (OSError, SavedModelError) as error:
        raise PushError(
            f"a version could not be copied within {place.base}: {error}",
            expected="space for one more version, and permission to write it",
            fix=f"check the free space and the permissions: df -h {place.base}; "
            f"ls -la {place.base}",
        ) from error
    if pushed.new:
        with only_warns(f"version {pushed.version} is served, but could not be recorded"):
            _write_record(place, pushed, manifest)
    return pushed


def _publish_again(
    place: Place, target: int, folder: pathlib.Path, publish: Publish
) -> tuple[Pushed, Manifest]:
    source = f"{place.base}/{target}"
    before = read_manifest(source)
    if before is not None and not is_whole(source, before):
        raise _damaged(place, target)
    copy_tree(source, folder, lambda count: None)
    (folder / PUSH_RECORD).unlink(missing_ok=True)
    files = hash_model(str(folder))
    # What no manifest tells is compared with what lies there.
    if files != (hash_model(source) if before is None else dict(before.files)):
        raise _damaged(place, target)
    manifest = Manifest(
        files=files,
        model_uri=before.model_uri if before else "",
        pipeline=before.pipeline if before else "unknown",
        run=before.run if before else "unknown",
        wall_time=time.time(),
        rolled_back_to=_content_of(place, target),
    )
    write_manifest(str(folder), manifest)
    version, new = publish(folder, manifest.digest, None)
    return Pushed(version, manifest.digest, new), manifest


def _damaged(place: Place, target: int) -> PushError:
    return PushError(
        f"version {target} in {place.base} is damaged: its files are not those that were pushed",
        expected="a version with the files that were pushed",
        fix=f"choose another one: tfx-estimators versions {place.base}",
    )


def _unknown(place: Place, target: int, found: list[int]) -> PushError:
    shown = [str(version) for version in reversed(found)]
    if len(shown) > _VERSIONS_SHOWN:
        shown = [*shown[:_VERSIONS_SHOWN], f"and {len(shown) - _VERSIONS_SHOWN} older ones"]
    return PushError(
        f"there is no version {target} in {place.base}",
        expected=f"one of {', '.join(shown)}",
        fix=f"tfx-estimators versions {place.base}",
    )


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
    manifest, problem, whole = None, None, None
    try:
        manifest = read_manifest(folder)
        if manifest is not None:
            whole = is_whole(folder, manifest)
    except PushError as error:
        problem, whole = str(error), False
    except Exception as error:  # A listing tells of the others; a bucket's errors are no OSError.
        problem = f"{folder} cannot be read: {error}"
    return Version(
        version=version,
        served=version == newest,
        digest=manifest.digest if manifest else None,
        wall_time=manifest.wall_time if manifest else None,
        model_uri=manifest.model_uri if manifest else None,
        rolled_back_to=manifest.rolled_back_to if manifest else None,
        whole=whole,
        problem=problem,
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
            rolled_back_to=f"{folder.rpartition('/')[0]}/{manifest.rolled_back_to}",
        ),
        files_for(place.base),
    )
