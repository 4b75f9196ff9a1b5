"""Checks of the policy's values, and their error messages."""

from __future__ import annotations

import re
from typing import Any

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["check_label", "refused"]

_LABEL = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([\w.-]*[A-Za-z0-9])?)?", re.ASCII)


def refused(thing: Any, name: str, value: object, expected: str) -> UnsupportedOptionError:
    """The error that says which value of which thing cannot be used."""
    return UnsupportedOptionError(
        f"{type(thing).__name__}: {name}={value!r}", expected=expected, fix=f"correct {name}"
    )


def check_label(thing: Any, name: str, label: object, value: object = "") -> None:
    """By https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/."""
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise refused(thing, name, label, "a label such as 'pool' or 'example.com/pool'")
    if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
        expected = f"text as the value of {label}: letters, digits, -, _ and ., at most 63"
        raise refused(thing, name, value, expected)
