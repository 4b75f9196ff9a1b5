"""What stands on a terminal after a program has written to it."""

from __future__ import annotations

import re

__all__ = ["Screen"]

_PART = re.compile(
    r"\x1b\[(?P<numbers>[?0-9;]*)(?P<letter>[A-Za-z])|(?P<end>\r?\n)|\r|[^\x1b\r\n]+"
)


class Screen:
    """Plays the little that a live display writes: lines, moves up, erased lines, colours.

    Attributes:
        lines: what stands there, without blanks at the ends.
        widest: the longest line that ever stood there.
    """

    def __init__(self) -> None:
        self._rows = [""]
        self._row = 0
        self.widest = 0

    @property
    def lines(self) -> list[str]:
        return [row.rstrip() for row in self._rows]

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def play(self, text: str) -> Screen:
        column = len(self._rows[self._row])
        for part in _PART.finditer(text):
            if part["letter"] == "A":
                self._row = max(0, self._row - int(part["numbers"] or 1))
            elif part["letter"] == "K":
                self._rows[self._row] = ""
            elif part["letter"]:
                assert part["letter"] in "mhl", part[0]
            elif part["end"]:
                self._row, column = self._row + 1, 0
                if self._row == len(self._rows):
                    self._rows.append("")
            elif part[0] == "\r":
                column = 0
            else:
                row = self._rows[self._row]
                self._rows[self._row] = row[:column] + part[0] + row[column + len(part[0]) :]
                column += len(part[0])
                self.widest = max(self.widest, column)
        return self
