"""What a section of a report is made of; `templates/` shows each kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

__all__ = ["Cell", "Facts", "Figure", "Heading", "Missing", "Part", "Section", "Table", "Text"]

Cell = str | int | float | None
"""What stands in a table; None is shown as a dash."""


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"

    text: str


@dataclasses.dataclass(frozen=True)
class Missing:
    """Says what cannot be shown and why."""

    kind: ClassVar[str] = "missing"

    text: str


@dataclasses.dataclass(frozen=True)
class Heading:
    """Begins a part of a section."""

    kind: ClassVar[str] = "heading"

    text: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """Names and values.

    Attributes:
        facts: in order.
    """

    kind: ClassVar[str] = "facts"

    facts: Sequence[tuple[str, Cell]]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, whose rows are named by their first cell.

    Attributes:
        caption: what it holds.
        headers: of the columns.
        rows: as many cells each.
        folded: whether a reader has to open it first.
    """

    kind: ClassVar[str] = "table"

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    folded: bool = False


@dataclasses.dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        title: what it shows.
        description: what is to be seen in it, for those who do not see it.
        svg: an `<svg>` element, already safe to be put into a page.
        width: in pixels of a page; it is shown smaller where there is less room.
    """

    kind: ClassVar[str] = "figure"

    title: str
    description: str
    svg: str
    width: int


Part = Text | Missing | Heading | Facts | Table | Figure


@dataclasses.dataclass(frozen=True)
class Section:
    """A section.

    Attributes:
        name: what a link to it ends with.
        title: its heading.
        parts: in order; figures that follow each other stand beside each other.
    """

    name: str
    title: str
    parts: Sequence[Part]
