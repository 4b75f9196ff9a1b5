"""Packages that a block of imports defers: run when used, once, in the module that others hold."""

from __future__ import annotations

import importlib
import inspect
import os
import pathlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tfx_estimators.components.deferred_packages import deferred_packages

pytestmark = pytest.mark.stacks

FREE = {"heavy": ("heavy.light", "heavy.messages")}
FILES = {
    "heavy/__init__.py": """
import os
os.environ["HEAVY_RUNS"] = str(int(os.environ.get("HEAVY_RUNS", 0)) + 1)
if os.environ.get("HEAVY_FAILS"):
    raise RuntimeError("heavy cannot be run")
from heavy import inner
from heavy.messages import text
from heavy.light import number
__version__ = "1.0"
""",
    "heavy/light.py": "number = object()",
    "heavy/messages/__init__.py": "",
    "heavy/messages/text.py": "class Text: pass",
    "heavy/inner.py": """
import heavy
assert not hasattr(heavy, "__version__") and not hasattr(heavy, "number")
from heavy.messages.text import Text
made = object()
""",
    "heavy/lazily.py": "made = object()",
    "gathering/__init__.py": """
import os
os.environ["HEAVY_RUNS"] = str(int(os.environ["HEAVY_RUNS"]) + 1)
from gathering.one import first
from gathering.two import second
""",
    "gathering/one.py": "first = object()",
    "gathering/two.py": "second = object()",
    "folder/__init__.py": "",
    "folder/operator.py": """
import os
os.environ["HEAVY_RUNS"] = str(int(os.environ["HEAVY_RUNS"]) + 1)
class Operator: pass
""",
    "user_of_folder.py": """
from folder import operator as module
TABLE = {"operator": module.Operator}
""",
    "user_of_heavy.py": """
import heavy as package
from heavy import light
from heavy.messages import text
""",
}


@pytest.fixture(autouse=True)
def heavy(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HEAVY_RUNS", "0")
    finders = list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    made = ("heavy", "user_of_heavy", "gathering", "folder", "user_of_folder")
    for name in [n for n in sys.modules if n.partition(".")[0] in made]:
        del sys.modules[name]


def runs() -> int:
    return int(os.environ["HEAVY_RUNS"])


def user_of_heavy() -> Any:
    with deferred_packages(FREE):
        return importlib.import_module("user_of_heavy")


def test_a_block_imports_what_needs_nothing_of_a_package_without_running_it() -> None:
    user = user_of_heavy()
    assert runs() == 0
    assert user.light.number
    assert user.text.Text
    # Nobody else meets a package that has not been run.
    assert not [name for name in sys.modules if name.startswith("heavy")]


@pytest.mark.parametrize("name", ["heavy", "heavy.inner", "heavy.lazily", "heavy.messages.text"])
def test_an_import_after_the_block_is_one_like_any_other(name: str) -> None:
    user = user_of_heavy()
    imported = importlib.import_module(name)
    assert runs() == 1
    # Nothing is there twice.
    assert sys.modules["heavy"] is user.package
    assert user.package.inner is not None
    assert imported is sys.modules[name]
    assert inspect.getmodule(user.text.Text) is user.text
    assert sys.modules["heavy.light"] is user.light
    assert user.package.number is user.light.number
    assert sys.modules["heavy.messages.text"] is user.text is user.package.messages.text
    assert user.package.inner.Text is user.text.Text
    assert type(user.package) is type(sys)
    assert "1.0" in inspect.getsource(user.package)
    assert user.package.__version__ == "1.0"
    assert not hasattr(user.package, "nothing")


def test_a_package_is_run_when_a_name_of_it_is_used_after_the_block() -> None:
    user = user_of_heavy()
    assert user.package.__version__ == "1.0"
    assert runs() == 1
    assert sys.modules["heavy"] is user.package
    with pytest.raises(AttributeError, match="nothing"):
        user.package.nothing  # noqa: B018


def test_a_package_is_run_when_a_name_of_it_is_used_in_the_block() -> None:
    with deferred_packages(FREE):
        import heavy

        assert not hasattr(heavy, "__wrapped__")
        assert runs() == 0
        from heavy import number

        assert runs() == 1
        assert number is heavy.light.number
    assert sys.modules["heavy"] is heavy
    assert importlib.import_module("heavy.lazily").made
    assert runs() == 1


@pytest.mark.parametrize("name", ["heavy.inner", "heavy.lazily"])
def test_any_other_module_of_a_package_has_it_run_first(name: str) -> None:
    with deferred_packages(FREE):
        user = importlib.import_module("user_of_heavy")
        module = importlib.import_module(name)
    assert runs() == 1
    assert module is sys.modules[name] is getattr(user.package, name.partition(".")[2])
    assert module.__spec__.name == name
    assert user.package.inner.made is not None


def test_a_package_that_cannot_be_run_says_so_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    user = user_of_heavy()
    monkeypatch.setenv("HEAVY_FAILS", "1")
    for use in (lambda: user.package.inner, lambda: importlib.import_module("heavy")):
        with pytest.raises(RuntimeError, match="heavy cannot be run"):
            use()
        assert "heavy" not in sys.modules
    monkeypatch.delenv("HEAVY_FAILS")
    assert user.package.__version__ == "1.0"


def test_a_package_that_was_imported_before_the_block_is_left_alone() -> None:
    before = importlib.import_module("heavy")
    assert user_of_heavy().package is before
    assert runs() == 1
    assert sys.modules["heavy"] is before


def test_a_package_is_run_once_whoever_uses_it_at_the_same_time() -> None:
    user = user_of_heavy()
    start = threading.Barrier(4)
    found = []

    def use(by_import: bool) -> None:
        start.wait()
        module = importlib.import_module("heavy") if by_import else user.package
        found.append(module.__version__)

    threads = [threading.Thread(target=use, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["1.0"] * 4
    assert runs() == 1


def test_a_package_whose_modules_need_nothing_of_it_stays_deferred_until_it_is_used() -> None:
    with deferred_packages({"gathering": ("gathering",)}):
        one = importlib.import_module("gathering.one")
    two = importlib.import_module("gathering.two")
    gathering = importlib.import_module("gathering")
    assert runs() == 0
    assert (gathering.one, gathering.two) == (one, two)
    assert runs() == 0
    assert gathering.first is one.first
    assert runs() == 1
    assert sys.modules["gathering"] is gathering
    assert gathering.second is two.second
    assert type(gathering) is type(sys)
    assert importlib.import_module("gathering.two") is two
    assert runs() == 1


def test_a_name_stands_for_what_is_given_in_the_block_only() -> None:
    made = object()
    with deferred_packages({"folder.operator": ()}, {"folder.operator": {"Operator": made}}):
        user = importlib.import_module("user_of_folder")
    assert {"operator": made} == user.TABLE
    assert runs() == 0
    folder = importlib.import_module("folder")
    assert not hasattr(folder, "operator")
    from folder import operator

    assert runs() == 1
    assert operator is user.module is folder.operator
    assert isinstance(operator.Operator, type)
