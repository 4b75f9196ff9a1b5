"""Text as a terminal is given it: it moves no cursor, sets no title, forges no line.

Names and messages come out of records, files and ML Metadata, which anybody may have
written. Control characters (C0, C1), marks that turn the direction of text, and what
divides lines are shown as Python writes them in a string: `\\x1b`, `\\u202e`.
"""

from __future__ import annotations

import contextlib
import re
import sys

from tfx_estimators.redaction import redacted

__all__ = ["escaped", "say", "shown"]

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_OTHERS = "\u2028\u2029\ufeff\ud800-\udfff"
_CONTROL = re.compile(f"[\x00-\x1f\x7f-\x9f{_BIDI}{_OTHERS}]")
_CONTROL_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}{_OTHERS}]")


def escaped(text: str) -> str:
    """Text of one line, such as a name or a table's cell."""
    return _CONTROL.sub(_escape, text)


def shown(text: str) -> str:
    """Text of several lines, such as a message: line breaks and tabs stay, no secret does."""
    return _CONTROL_IN_LINES.sub(_escape, redacted(text))


def say(text: str) -> None:
    """Prints lines on standard error, escaped as `shown` does, at once.

    Where there is none, or nobody reads it any more, nothing is printed: what a step says is
    not worth its end.
    """
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            # In one piece: other threads may print, too.
            sys.stderr.write(f"{shown(text)}\n")
            sys.stderr.flush()


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
