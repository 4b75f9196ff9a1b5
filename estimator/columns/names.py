"""Names made of a user's names: readable, and different where those are different."""

from __future__ import annotations

import hashlib
import re

__all__ = ["file_name", "scope_name", "vocabulary_file"]

# TF Transform writes "_" for anything else in a file's name, dots included, and one dash
# for several.
_IN_FILES = re.compile(r"\w+(-\w+)*", re.ASCII)
# TensorFlow's linear models write "_" for anything else; its other layers refuse blanks.
_IN_SCOPES = re.compile(r"[\w.-]+", re.ASCII)
# File systems allow 255 bytes, of which others put something before and behind.
_LONGEST_IN_FILES = 150
_DIGITS = 8
_ENDS_IN_DIGEST = re.compile(rf".*-[0-9a-f]{{{_DIGITS}}}", re.DOTALL)


def file_name(name: str) -> str:
    """A name for a file of the transform graph."""
    if len(name) <= _LONGEST_IN_FILES and _is_plain(name, _IN_FILES):
        return name
    return _with_digest(name, _LONGEST_IN_FILES)


def vocabulary_file(name: str) -> str:
    """The file of the transform graph that holds a vocabulary learned under a name."""
    return f"vocabulary_{file_name(name)}"


def scope_name(name: str) -> str:
    """A name for a scope of variables and operations."""
    return name if _is_plain(name, _IN_SCOPES) else _with_digest(name)


def _is_plain(name: str, allowed: re.Pattern[str]) -> bool:
    # What looks like a name with a digest gets another: it could be made of some other name.
    return bool(allowed.fullmatch(name)) and not _ENDS_IN_DIGEST.fullmatch(name)


def _with_digest(name: str, longest: int | None = None) -> str:
    readable = re.sub(r"\W+", "_", name, flags=re.ASCII)[:longest]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{readable}-{digest}"
