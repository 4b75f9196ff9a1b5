"""tf.estimator where it used to be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def activated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`tf.estimator` is there; estimators without a model_dir put it where pytest tidies up."""
    from tfx_estimators import estimator

    estimator.activate()
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("models"))
    yield
    tempfile.tempdir = before
