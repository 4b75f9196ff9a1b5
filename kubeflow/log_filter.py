"""A warning of TFX's compiler that says the opposite of what is the case."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

__all__ = ["without_misplaced_warning"]

# TFX 1.15.1 to 1.21.0 say so where the key *is* found.
_MISPLACED = "DEFAULT_IMAGE_PATH_KEY is not found"


@contextlib.contextmanager
def without_misplaced_warning() -> Iterator[None]:
    """Leaves that warning out for the length of a block; all others are said."""
    from absl import logging as absl_logging

    def wanted(record: logging.LogRecord) -> bool:
        return _MISPLACED not in str(record.msg)

    logger = absl_logging.get_absl_logger()
    logger.addFilter(wanted)
    try:
        yield
    finally:
        logger.removeFilter(wanted)
