"""Secrets do not reach a person, a log, a record or a package: they are taken out here.

What is known by its form: the password of a URL, whatever characters it has, and the value
of anything that is called a password, a secret, a token or a key, as `name=value`,
`name: "value"`, `"name": "value"`, `--name value` or `'--name', 'value'`.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["redacted", "without_secrets"]

_NAME = (
    r"(?:passw(?:or)?d|passphrase|secret|(?:api|access|private|secret|account)[_-]?key"
    r"|access[_-]?key[_-]?id|(?:api|auth|access|session|bearer|refresh|security)[_-]?token)(?![\w-])"
)
# Quoted, perhaps in a string of a string; or to the end of the word, with quotes inside of it.
_QUOTED = r"""(?P<quote>\\?["'])(?:[^"'\\]|\\(?!["']).|\\["'](?![\s,;}\])]|$))*"""
_BARE = r"""(?:[^\s"'&]|["'](?=\w))+"""
_VALUE = f"(?:{_QUOTED}|{_BARE})"
_CALLED_SO = re.compile(rf"{_NAME}$", re.IGNORECASE)
_PATTERNS = (
    # To the last @ of the word: a password may hold any of #/?[:@ unescaped. Lengths are
    # bounded, for the sake of logs that hold very long words.
    re.compile(r"(?P<name>:/{1,3}[^\s:/]{0,256}:)(?P<quote>)\S{1,512}(?=@)"),
    re.compile(rf"(?P<name>{_NAME}(?:\\?[\"'])?\s*[=:]\s*){_VALUE}", re.IGNORECASE),
    re.compile(
        rf"(?P<name>(?<![\w-])--[\w-]{{0,60}}?{_NAME}(?:[\"']\s*,\s*|\s+)){_VALUE}", re.IGNORECASE
    ),
)


def redacted(text: str) -> str:
    """The text with `***` in the place of each secret."""
    for pattern in _PATTERNS:
        text = pattern.sub(_without_value, text)
    return text


def without_secrets(value: Any, name: str = "") -> Any:
    """Plain values, nested as they like, without the secrets in them.

    Args:
        value: mappings, lists and tuples of plain values.
        name: what it is called.
    """
    if isinstance(value, dict):
        return {key: without_secrets(one, str(key)) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(without_secrets(one, name) for one in value)
    if isinstance(value, str):
        return "***" if value and _CALLED_SO.search(name) else redacted(value)
    return value


def _without_value(match: re.Match[str]) -> str:
    return f"{match['name']}{match['quote'] or ''}***"
