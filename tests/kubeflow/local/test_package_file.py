"""Packages that cannot be run are named before anything is started."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tfx_estimators.errors import PackageError
from tfx_estimators.kubeflow.local import PackageFile


def test_steps_and_name_are_read(make_package) -> None:
    package = PackageFile.read(make_package(first={}, second={"after": "first"}))
    assert package.name == "small"
    assert set(package.tasks()) == {"first", "second"}
    assert {held["image"] for held in package.containers().values()} == {"an/image"}


def test_what_only_kubernetes_knows_is_no_hindrance(make_package) -> None:
    path = make_package(first={})
    path.write_text(path.read_text() + "---\nplatforms: {kubernetes: {}}\n")
    assert PackageFile.read(path).name == "small"


def test_a_package_torn_anywhere_is_refused(make_package) -> None:
    path = make_package(first={}, second={"after": "first"})
    whole = path.read_text()

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, len(whole.rstrip()) - 40))
    def torn(length: int) -> None:
        path.write_text(whole[:length])
        with pytest.raises(PackageError, match="package"):
            PackageFile.read(path)

    torn()


def test_a_step_that_would_be_left_out_without_a_word_is_named(make_package) -> None:
    path = make_package(first={}, second={"after": "first"})
    spec = yaml.safe_load(path.read_text())
    policy = {"condition": "inputs.artifacts['thing'].artifacts[0].metadata['answer'] == 42.0"}
    spec["root"]["dag"]["tasks"]["second"]["triggerPolicy"] = policy
    path.write_text(yaml.safe_dump(spec))
    with pytest.raises(PackageError, match="second runs under a condition on an artifact"):
        PackageFile.read(path)


def test_a_missing_file_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PackageError, match=r"none\.yaml cannot be read"):
        PackageFile.read(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda spec: spec.update(schemaVersion="2.0.0"), "schema version 2.0.0"),
        (lambda spec: spec["components"].pop("comp-first"), "refers to 'comp-first'"),
        (lambda spec: spec["deploymentSpec"]["executors"].clear(), "refers to the executor"),
        (lambda spec: spec["root"]["dag"]["tasks"].clear(), "has no tasks"),
        (
            lambda spec: (
                spec["components"].update(first=spec["components"].pop("comp-first")),
                spec["root"]["dag"]["tasks"]["first"]["componentRef"].update(name="first"),
            ),
            "a component is called 'first'",
        ),
    ],
)
def test_what_kfp_would_stumble_over_is_named(make_package, change, said: str) -> None:
    path = make_package(first={})
    spec = yaml.safe_load(path.read_text())
    change(spec)
    path.write_text(yaml.safe_dump(spec))
    with pytest.raises(PackageError, match=said):
        PackageFile.read(path)
