"""Versions that hold text instead of models: what is checked is how they appear."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from tfx_estimators.components.model_digest import hash_model
from tfx_estimators.components.pusher.manifest import Manifest, write_manifest
from tfx_estimators.components.pusher.place import Place
from tfx_estimators.components.pusher.versions import Folder


@pytest.fixture
def stage(base: pathlib.Path) -> Callable[..., tuple[pathlib.Path, bool]]:
    """`stage(text, keep=None, at=None)`, as `Push` does it: the version, and if it is new."""

    def make(
        text: str, keep: int | None = None, at: Place | None = None
    ) -> tuple[pathlib.Path, bool]:
        place = at or Folder(str(base))
        place.check_writable()
        with place.staging() as folder:
            (folder / "saved_model.pb").write_text(text)
            (folder / "variables").mkdir()
            (folder / "variables" / "variables.index").write_text(text)
            manifest = Manifest(hash_model(str(folder)), "model", "pipeline", "run", 1.0)
            write_manifest(str(folder), manifest)
            published, new = place.publish(folder, manifest.digest, keep)
            return pathlib.Path(published), new

    return make


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    """The folder of versions, not made yet."""
    return tmp_path / "serving" / "taxi"
