"""JSON as this package writes it: every reader of JSON accepts it.

Python's own writer puts bare `NaN` and `Infinity` into its text, which only Python reads.
Everything that is written here as JSON, to a file or a terminal, goes through `dumps`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["dumps", "finite"]


def dumps(
    value: Any,
    *,
    indent: int | None = None,
    sort_keys: bool = False,
    default: Callable[[Any], Any] | None = None,
) -> str:
    """JSON text.

    Args:
        value: what `json.dumps` takes. Measurements go through `finite` first.
        indent: as `json.dumps` has it.
        sort_keys: likewise.
        default: likewise.

    Raises:
        UnsupportedOptionError: if a number in it is not finite; JSON has none for that.
    """
    try:
        return json.dumps(
            value, indent=indent, sort_keys=sort_keys, default=default, allow_nan=False
        )
    except ValueError as error:
        raise UnsupportedOptionError(
            f"a value cannot be written as JSON: {error}",
            expected="finite numbers",
            fix="replace NaN and infinity with a finite number, None or a string",
        ) from error


def finite(value: Any) -> Any:
    """The value with None, which JSON writes as null, for each number that is not finite.

    For measurements, where null says that there is no number; a setting must not change.

    Args:
        value: mappings, lists and tuples of plain values, nested as they like.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value
