"""Messages of a training to the user: lines of one form, on standard error.

The processes of a training have their standard error in a log. Whoever shows the training
finds these lines there by their prefix, and repeats them.
"""

from __future__ import annotations

import logging

from tfx_estimators import terminal

__all__ = ["PREFIX", "say"]

PREFIX = "EstimatorTrainer: "

_log = logging.getLogger(__name__)


def say(line: str) -> None:
    """Shows a line at once, even where standard error is a file."""
    _log.info(line)
    terminal.say(f"{PREFIX}{line}")
