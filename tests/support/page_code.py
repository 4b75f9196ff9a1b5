"""Code, files, edits and commands that a page of the documentation shows."""

from __future__ import annotations

import pathlib
import re
import shlex

__all__ = ["page_blocks", "page_code", "page_commands", "page_edit", "page_files"]

_DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def page_code(page: str, section: str, language: str = "python") -> str:
    """The first block of code in a section.

    Args:
        page: the page's name without `.md`.
        section: its heading.
        language: the block's.
    """
    return page_blocks(page, section, language)[0]


def page_blocks(page: str, section: str, language: str) -> list[str]:
    """The blocks of one language in a section; see `page_code`."""
    text = (_DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert f"\n## {section}\n" in text, section
    below = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [body for kind, body in _fenced(below) if kind == language]


def page_files(page: str) -> dict[str, str]:
    """Content by name, of the Python blocks that begin with a comment of the file's name."""
    text = (_DOCS / f"{page}.md").read_text(encoding="utf-8")
    named = ((re.match(r"# ([\w/]+\.py)\n", body), body) for kind, body in _fenced(text))
    return {match[1]: body for match, body in named if match}


def page_edit(page: str, section: str, content: str) -> str:
    """A file after the edits that a section shows as a diff.

    Args:
        page: the page's name without `.md`.
        section: its heading.
        content: of the file before.
    """
    head, *hunks = re.split(r"^@@.*\n", page_code(page, section, "diff"), flags=re.MULTILINE)
    assert head.startswith("--- ")
    for hunk in hunks:
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        assert content.count(before) == 1, before
        content = content.replace(before, after)
    return content


def page_commands(page: str, section: str, **typed: str) -> list[list[str]]:
    """The words of each command that a section shows in a block without a language.

    Args:
        page: the page's name without `.md`.
        section: its heading.
        **typed: what to type for words in capital letters, such as RUN.
    """
    lines = "".join(page_blocks(page, section, "")).splitlines()
    return [[typed.get(word, word) for word in shlex.split(line)] for line in lines]


def _fenced(text: str) -> list[tuple[str, str]]:
    """Language and content of each fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
