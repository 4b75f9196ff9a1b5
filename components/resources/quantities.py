"""Amounts as Kubernetes writes them."""

from __future__ import annotations

import re

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["quantity"]

_QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_UNITS = {"": 1.0, "m": 1e-3} | {
    unit: base**power
    for base, units in ((1000.0, "kMGTP"), (1024.0, ("Ki", "Mi", "Gi", "Ti", "Pi")))
    for power, unit in enumerate(units, start=1)
}


def quantity(text: str, name: str = "quantity") -> float:
    """A Kubernetes quantity as a number, e.g. "500m" as 0.5 and "1Ki" as 1024.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

    Raises:
        UnsupportedOptionError: if it is none, or 0.
    """
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    number = float(match["number"]) * _UNITS[match["unit"] or ""] if match else 0.0
    if not number:
        raise UnsupportedOptionError(
            f"{name}={text!r} is not a quantity",
            expected='text such as "2", "500m", "16Gi" or "512Mi"',
            fix=f"correct {name}",
        )
    return number
