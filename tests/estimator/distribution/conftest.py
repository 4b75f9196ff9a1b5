"""Runs this folder's programs in processes of their own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

PROGRAMS = pathlib.Path(__file__).parent / "programs"
_PYTHONS = (sys.prefix, sys.base_prefix)


@pytest.fixture(scope="session")
def program() -> Callable[[str], list[str]]:
    """The command line of a program: `program("member", ...)`."""

    def command(name: str, *arguments: object) -> list[str]:
        return [sys.executable, str(PROGRAMS / f"{name}.py"), *map(str, arguments)]

    return command


@pytest.fixture(scope="module", autouse=True)
def _importable() -> Iterator[None]:
    """What these tests can import, programs can.

    Only while a file's tests run, and without Python's own library: a program that another
    test starts may belong to another Python. (Without an `__init__.py` here, pytest would
    take the scope "package" for the whole session.)
    """
    folders = [folder for folder in sys.path if folder and not folder.startswith(_PYTHONS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(folders))
        yield


@pytest.fixture(scope="session")
def run(program: Callable[..., list[str]]) -> Callable[..., str]:
    """Runs a program to its end; gives what it wrote to standard output."""

    def to_the_end(name: str, *arguments: object) -> str:
        done = subprocess.run(
            program(name, *arguments), capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, done.stderr[-5000:]
        return done.stdout

    return to_the_end
