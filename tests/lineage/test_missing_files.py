"""Files that are not there are told apart from what a store of ML Metadata does not hold."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from tfx_estimators.errors import MissingFilesError, NotInMetadataError
from tfx_estimators.lineage.digests import checkpoint_digest
from tfx_estimators.lineage.models import find_model
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.store import open_store


@pytest.mark.parametrize("read", [checkpoint_digest, read_records, open_store])
def test_a_missing_path_is_a_missing_file(
    read: Callable[[str], Any], tmp_path: pathlib.Path
) -> None:
    with pytest.raises(MissingFilesError, match="nowhere") as caught:
        read(str(tmp_path / "nowhere"))
    assert isinstance(caught.value, FileNotFoundError)
    assert not isinstance(caught.value, NotInMetadataError)


def test_an_unknown_model_is_not_in_the_metadata(tmp_path: pathlib.Path) -> None:
    store = open_store(str(tmp_path / "metadata.sqlite"), write=True, create=True)
    with pytest.raises(NotInMetadataError, match="no model 'unknown'"):
        find_model(store, "unknown")
