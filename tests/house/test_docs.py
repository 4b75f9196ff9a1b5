"""The documentation: every page is in the index, and no link leads nowhere."""

from __future__ import annotations

import pathlib
import re

import pytest

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def test_the_index_lists_every_page() -> None:
    linked = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8"))
    assert {*linked, "README.md"} == {page.name for page in PAGES}
    assert len(linked) == len(set(linked))


@pytest.mark.parametrize("page", [*PAGES, DOCS.parent / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", ["architecture", "new-stack", "private-names"])
def test_modules_that_a_page_names_are_there(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    root = DOCS.parent
    # A component's modules are named from its folder.
    named = re.findall(r"`([\w/]+/\w+\.py)`", text)
    missing = [
        path
        for path in named
        if not any((at / path).exists() for at in (root, root / "components"))
    ]
    assert named
    assert missing == []
