"""Contents pages: each `__init__.py` names every module beside it, and nothing else."""

from __future__ import annotations

import importlib
import pathlib
import pkgutil
import re

import pytest

import tfx_estimators

# Folders that ship as data, and modules that only Python starts.
_DATA = {"docs", "requirements"}
_STARTED = {"__main__"}


def _packages() -> dict[str, pathlib.Path]:
    found = {"tfx_estimators": pathlib.Path(tfx_estimators.__path__[0])}
    for info in pkgutil.walk_packages(tfx_estimators.__path__, "tfx_estimators."):
        if info.ispkg and info.name.rpartition(".")[2] not in _DATA:
            found[info.name] = pathlib.Path(info.module_finder.path, info.name.split(".")[-1])
    return found


PACKAGES = _packages()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_contents_page_names_every_module_and_nothing_else(package: str) -> None:
    folder = PACKAGES[package]
    page = (folder / "__init__.py").read_text(encoding="utf-8").split('"""')[1]
    entries = re.findall(r"^\* ((?:`\w+`(?:, | and )?)+)", page, re.MULTILINE)
    named = [name for entry in entries for name in re.findall(r"`(\w+)`", entry)]
    there = {module.name for module in pkgutil.iter_modules([str(folder)])} - _STARTED
    if package == "tfx_estimators":
        there -= _DATA
    assert sorted(there - set(named)) == [], "modules that the page does not name"
    public = set(importlib.import_module(package).__all__)
    assert sorted(set(named) - there - public) == [], "names on the page that are not there"
    assert len(named) == len(set(named))
