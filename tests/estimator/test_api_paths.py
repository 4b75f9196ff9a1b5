"""Every path that reached the Estimator API on TensorFlow 2.15 reaches it."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping

import api_paths
import pytest

from tfx_estimators import estimator

pytestmark = pytest.mark.stacks

RECORDED = pathlib.Path(__file__).parents[1] / "testdata" / "estimator" / "api_paths.json"


@pytest.fixture(scope="module")
def recorded() -> dict[str, set[str]]:
    estimator.activate()
    return {path: set(names.split()) for path, names in json.loads(RECORDED.read_text()).items()}


def missing(recorded: Mapping[str, set[str]], found: Mapping[str, list[str]]) -> dict[str, object]:
    differences = {path: sorted(names - set(found[path])) for path, names in recorded.items()}
    return {path: names for path, names in differences.items() if names}


def test_every_public_path_has_every_name(recorded: dict[str, set[str]]) -> None:
    public = {path: names for path, names in recorded.items() if is_public(path)}
    assert len(public) == 37
    assert missing(public, api_paths.of_the_public_api()) == {}


def test_every_private_module_has_every_class_and_function(recorded: dict[str, set[str]]) -> None:
    private = {path: names for path, names in recorded.items() if not is_public(path)}
    assert len(private) == 152
    assert missing(private, api_paths.of_private_modules(list(private))) == {}


def is_public(path: str) -> bool:
    return not path.startswith(("tensorflow.python.", "tensorflow_estimator"))
