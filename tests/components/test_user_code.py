"""Where in a user's files an exception came from, whatever kind of exception it is."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import types

import pytest

from tfx_estimators.components.trainer.processes.member_errors import read_error, write_error
from tfx_estimators.components.user_code import describe, find_place, full_trace
from tfx_estimators.errors import DataError, TrainingError, UserModuleError

MODULE = """
import json

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")

class Held(Exception):
    def __init__(self, lock):
        super().__init__("holds a lock")
        self.lock = lock

class Odd(Exception):
    def __str__(self):
        raise SystemExit(0)
    def __reduce__(self):
        raise RuntimeError("not to be pickled")
    @property
    def place(self):
        raise RuntimeError("no place")

def odd():
    raise Odd

def deep():
    return json.loads("{")

def mute():
    raise Mute

def held():
    import threading
    raise Held(threading.Lock())
"""


@pytest.fixture
def module(tmp_path: pathlib.Path) -> types.ModuleType:
    file = tmp_path / "code" / "theirs.py"
    file.parent.mkdir()
    file.write_text(MODULE)
    spec = importlib.util.spec_from_file_location("theirs", file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def raised(function: object) -> BaseException:
    try:
        function()  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_last_line_of_the_users_files_is_found_below_a_library(
    module: types.ModuleType,
) -> None:
    place = find_place(raised(module.deep))
    assert place is not None
    assert (place.file, place.function) == (module.__file__, "deep")
    assert MODULE.splitlines()[place.line - 1] == '    return json.loads("{")'


def test_the_cause_of_an_error_of_ours_is_where_it_happened(module: types.ModuleType) -> None:
    def load() -> None:
        try:
            module.deep()
        except ValueError as error:
            raise UserModuleError("the module cannot be imported") from error

    place = find_place(raised(load))
    assert place is not None
    assert place.function == "deep"


def test_beams_trace_in_a_text_is_cut_to_what_it_says_last(module: types.ModuleType) -> None:
    inner = full_trace(raised(module.deep))
    error = RuntimeError(f"{inner} [while running 'Map']")
    assert describe(error).startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert find_place(error) == find_place(raised(module.deep))


def test_an_exception_without_a_text_is_described(module: types.ModuleType) -> None:
    assert describe(raised(module.mute)) == "Mute: <its text cannot be made: RuntimeError>"


@pytest.mark.parametrize("function", ["deep", "mute", "held", "odd"])
def test_any_exception_goes_from_a_process_to_the_step(
    function: str, module: types.ModuleType, tmp_path: pathlib.Path
) -> None:
    error = raised(getattr(module, function))
    write_error(tmp_path / "worker-0.error", error)
    again = read_error(tmp_path / "worker-0.error", "worker-0")
    assert isinstance(again, TrainingError)
    assert f"worker-0 failed: {describe(error)}" in str(again)
    assert f"{module.__file__}, line" in str(again)
    assert find_place(again) == find_place(error)
    assert f"in {function}" in full_trace(again)


def test_our_own_errors_keep_their_class_and_text(tmp_path: pathlib.Path) -> None:
    write_error(tmp_path / "e", DataError("came", expected="fits", fix="do"))
    again = read_error(tmp_path / "e", "worker-0")
    assert type(again) is DataError
    assert str(again) == "came\n  expected: fits\n  fix: do"


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", json.dumps({"class": 1}).encode()])
def test_a_damaged_file_is_no_error(content: bytes, tmp_path: pathlib.Path) -> None:
    (tmp_path / "e").write_bytes(content)
    assert read_error(tmp_path / "e", "worker-0") is None
