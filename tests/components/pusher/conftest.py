"""Versions that hold text instead of models: what is checked is how they appear."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from tfx_estimators.components.model_digest import hash_model
from tfx_estimators.components.pusher import versions
from tfx_estimators.components.pusher.manifest import Manifest, write_manifest


@pytest.fixture
def stage(base: pathlib.Path) -> Callable[..., tuple[pathlib.Path, bool]]:
    """`stage(text, keep=None)` publishes it as `Push` does: the version, whether it is new."""

    def make(text: str, keep: int | None = None) -> tuple[pathlib.Path, bool]:
        versions.check_writable(base)
        with versions.staging_folder(base) as folder:
            (folder / "saved_model.pb").write_text(text)
            (folder / "variables").mkdir()
            (folder / "variables" / "variables.index").write_text(text)
            manifest = Manifest(hash_model(str(folder)), "model", "pipeline", "run", 1.0)
            write_manifest(str(folder), manifest)
            return versions.publish(folder, base, manifest.digest, keep)

    return make


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    """The folder of versions, not made yet."""
    return tmp_path / "serving" / "taxi"
