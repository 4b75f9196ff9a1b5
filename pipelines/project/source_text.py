"""Python source in the layout of a formatter: on one line where it fits, else divided."""

from __future__ import annotations

import dataclasses
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

from tfx_estimators.terminal import escaped

__all__ = ["Call", "comment", "identifier", "lay_out", "literal", "prose"]

_WIDTH = 88
_INDENT = "    "


@dataclasses.dataclass(frozen=True)
class Call:
    """Brackets with items between them.

    Attributes:
        start: what stands before the items, with the opening bracket.
        items: text, or further brackets.
        end: the closing bracket.
    """

    start: str
    items: Sequence[str | Call]
    end: str = ")"

    def flat(self) -> str:
        """On one line."""
        inside = ", ".join(i if isinstance(i, str) else i.flat() for i in self.items)
        return f"{self.start}{inside}{self.end}"


def lay_out(code: str | Call, indent: int = 0, *, before: str = "", after: str = "") -> str:
    """Source text of one statement, or of one item of a list.

    Args:
        code: what to write.
        indent: levels of indentation.
        before: stands before it on the first line, such as `name = `.
        after: stands behind it on the last line, such as `,`.
    """
    space = _INDENT * indent
    flat = code if isinstance(code, str) else code.flat()
    line = f"{space}{before}{flat}{after}"
    if isinstance(code, str) or _columns(line) <= _WIDTH or not code.items:
        return line
    inside = f"{space}{_INDENT}" + ", ".join(
        item if isinstance(item, str) else item.flat() for item in code.items
    )
    if _columns(inside) <= _WIDTH and code.end == ")":
        lines = [inside]
    else:
        lines = [lay_out(item, indent + 1, after=",") for item in code.items]
    return "\n".join([f"{space}{before}{code.start}", *lines, f"{space}{code.end}{after}"])


def comment(text: str, indent: int = 0) -> str:
    """A comment, wrapped."""
    space = _INDENT * indent
    return textwrap.fill(
        prose(text),
        _WIDTH,
        initial_indent=f"{space}# ",
        subsequent_indent=f"{space}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def prose(text: str) -> str:
    """Text with names out of the data in it, fit for a comment or a page."""
    return escaped(text)


def literal(value: Any) -> str:
    """A text or a number as a literal, with the quotes that a formatter prefers."""
    if not isinstance(value, str):
        return repr(value)
    quote = '"' if value.count('"') <= value.count("'") else "'"
    letters = {"\\": "\\\\", quote: f"\\{quote}"}
    inside = "".join(
        letters.get(one, one if one.isprintable() else repr(one)[1:-1]) for one in value
    )
    return f"{quote}{inside}{quote}"


def identifier(name: str, taken: Collection[str]) -> str:
    """A name for a variable that is made of a column's name, and not taken yet."""
    plain = unicodedata.normalize("NFKC", name)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    made = re.sub(r"\W+", "_", words).strip("_").lower()
    made = unicodedata.normalize("NFKC", made)
    if not made.isidentifier():
        made = f"column_{made}" if f"column_{made}".isidentifier() else "column"
    number, unique = 2, made
    while unique in taken or keyword.iskeyword(unique) or keyword.issoftkeyword(unique):
        unique = f"{made}_{number}"
        number += 1
    return unique


def _columns(text: str) -> int:
    """Width on a terminal, as formatters count it."""
    line = max(text.splitlines(), key=len, default="")
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in line
    )
