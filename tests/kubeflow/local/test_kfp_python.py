"""Where kfp comes from on stacks whose own cannot orchestrate."""

from __future__ import annotations

import pytest

from tfx_estimators.errors import MissingDependencyError
from tfx_estimators.kubeflow.local import kfp_python


@pytest.fixture(autouse=True)
def _without(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(kfp_python, "_orchestrates", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_no_package_index_is_said_and_the_next_time_it_is_tried_anew(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(MissingDependencyError, match="cannot be installed") as caught:
        kfp_python.kfp_python(lambda line: None)
    assert "pip install" in str(caught.value)
    assert not list(tmp_path.glob("tfx-estimators/*/.ready"))


def test_a_folder_that_cannot_be_made_is_said(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(kfp_python, "KFP_VERSION", "0")
    (tmp_path / "tfx-estimators").mkdir()
    version = kfp_python.sys.version_info
    (tmp_path / "tfx-estimators" / f"kfp-0-py{version[0]}.{version[1]}").write_text("a file")
    with pytest.raises(MissingDependencyError, match="no virtual environment"):
        kfp_python.kfp_python(lambda line: None)


def test_what_is_there_is_not_made_again(tmp_path) -> None:
    version = kfp_python.sys.version_info
    name = f"kfp-{kfp_python.KFP_VERSION}-py{version[0]}.{version[1]}"
    folder = tmp_path / "tfx-estimators" / name
    folder.mkdir(parents=True)
    (folder / ".ready").touch()
    said: list[str] = []
    assert kfp_python.kfp_python(said.append) == folder / "bin" / "python"
    assert said == []
