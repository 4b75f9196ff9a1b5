"""Two spellings of one place are one place."""

from __future__ import annotations

import pathlib

import pytest

from tfx_estimators.places import canonical, inside, is_local, same


@pytest.mark.stacks
@pytest.mark.parametrize(
    "spelling",
    [
        "{0}//a/x",
        "/{0}/a/x",
        "{0}/./a/x",
        "{0}/b/../a/x",
        "{0}/link/x",
        "file://{0}/a/x",
        "{0}/a/x/",
    ],
)
def test_spellings_of_a_local_place_are_the_same(tmp_path: pathlib.Path, spelling: str) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("a")
    assert same(spelling.format(tmp_path), f"{tmp_path}/a/x")
    assert inside(f"{tmp_path}/a", spelling.format(tmp_path))
    assert not inside(f"{tmp_path}/b", spelling.format(tmp_path))


def test_a_relative_path_is_the_absolute_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert same("a/x", f"{tmp_path}/a/x")
    assert inside(".", "a")
    assert not inside("a", ".")
    assert not inside("a", "a")


def test_a_link_out_of_a_folder_leads_out_of_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "store/link").symlink_to(tmp_path / "other")
    assert not inside(f"{tmp_path}/store", f"{tmp_path}/store/link/x")
    assert not inside(f"{tmp_path}/store", f"{tmp_path}/store2/x")
    assert inside("/", f"{tmp_path}/store")


@pytest.mark.parametrize("spelling", ["gs://b//a/x", "GS://b/a/./x", "gs://b/c/../a/x/"])
def test_spellings_of_a_place_in_a_bucket_are_the_same(spelling: str) -> None:
    assert canonical(spelling) == "gs://b/a/x"
    assert inside("gs://b", spelling)
    assert not inside("gs://b/c", spelling)


def test_a_bucket_is_not_another_that_begins_alike() -> None:
    assert not inside("gs://b/", "gs://bb/a")
    assert not inside("gs://b/a", "s3://b/a/x")


def test_what_no_file_can_be_called_is_still_compared() -> None:
    assert same("/a/\0//b", "/a/\0/b")
    assert same("/a/\ud800//b", "/a/\ud800/b")


def test_local_places_are_those_without_another_scheme() -> None:
    assert all(is_local(place) for place in ("/a", "a:b", "file:///a"))
    assert not is_local("gs://b/a")
