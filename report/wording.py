"""Numbers, moments and lengths of time as people read them."""

from __future__ import annotations

import datetime

__all__ = ["number", "seconds", "share", "size", "when"]


def number(value: float | None) -> str:
    """A number; a dash where there is none."""
    if value is None or value != value:
        return "-"
    if abs(value) >= 1e15:
        return f"{value:.4g}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def share(value: float) -> str:
    """A part of a whole."""
    return f"{100 * value:.3g} %"


def size(count: int) -> str:
    """A number of bytes."""
    return f"{count / 1e6:,.2f} MB" if count >= 10_000 else f"{count:,} bytes"


def seconds(value: float) -> str:
    """A length of time."""
    if value < 120:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def when(moment: float) -> str:
    """A moment, in seconds since 1970. Of a page that is passed on in UTC."""
    try:
        date = datetime.datetime.fromtimestamp(moment, tz=datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return f"{moment:g}"  # No moment: milliseconds, perhaps.
    return date.strftime("%Y-%m-%d %H:%M:%S UTC")
