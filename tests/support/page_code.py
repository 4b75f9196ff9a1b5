"""Code that a page of the documentation shows."""

from __future__ import annotations

import pathlib
import re

__all__ = ["page_code"]

_DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def page_code(page: str, section: str, language: str = "python") -> str:
    """The first block of code in a section.

    Args:
        page: the page's name without `.md`.
        section: its heading.
        language: the block's.
    """
    text = (_DOCS / f"{page}.md").read_text(encoding="utf-8")
    below = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", below, re.DOTALL)[0]
