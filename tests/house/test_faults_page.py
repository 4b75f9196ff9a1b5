"""The page on faults names tests that there are."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs/faults.md").read_text()
    tables = re.findall(r"^\| fault \| what happens \| test \|\n((?:\|.*\n)+)", page, re.MULTILINE)
    named = {
        name for table in tables for name in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", table)
    }
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def test_(\w+)", file.read_text(), re.MULTILINE)
    }
    assert len(named) > 20
    assert named <= defined
