"""Names of versions: which are one, and which comes next."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tfx_estimators.errors import PushError

__all__ = ["LARGEST", "next_number", "number_of"]

# A name is read as a signed number of 64 bits.
LARGEST = 2**63 - 1
"""Of what a server reads; no version, as none could come after it."""
_DIGITS = len(str(LARGEST))


def number_of(name: str) -> int | None:
    """The version that a folder's name says; None if it is no version's name.

    A version's name is a positive number in the digits 0 to 9, without leading zeros, that
    a server can read and that has one after it.
    """
    number = _read(name)
    if number is None or name != str(number) or not 0 < number < LARGEST:
        return None
    return number


def next_number(names: Iterable[str], base: str) -> int:
    """The number of the next version: the time in seconds, or one above all that is there.

    Args:
        names: of everything beside which the version will lie. Servers take some for
            versions that are none, such as an empty folder or one with leading zeros, and
            serve the highest.
        base: where it will lie, for the error.

    Raises:
        PushError: if nothing is left above what is there.
    """
    highest = max(((_read(name) or 0, name) for name in names), default=(0, ""))
    number = max(int(time.time()), highest[0] + 1, 1)
    if number >= LARGEST:
        raise PushError(
            f"{base}/{highest[1]} leaves no number for a newer version",
            expected=f"versions below {LARGEST - 1}",
            fix=f"move it away: mv {base}/{highest[1]} elsewhere",
        )
    return number


def _read(name: str) -> int | None:
    """The number that a server reads in a name."""
    digits = name.lstrip("0") if name.isascii() and name.isdecimal() else ""
    if not digits or len(digits) > _DIGITS:
        return None
    number = int(digits)
    return number if number <= LARGEST else None
