"""What is done after a version is visible."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tfx_estimators.terminal import say

__all__ = ["only_warns"]


@contextlib.contextmanager
def only_warns(what: str) -> Iterator[None]:
    """Warns where a block fails: the version is served all the same, so the push succeeded.

    Args:
        what: could not be done.
    """
    try:
        yield
    except Exception as error:
        say(f"EstimatorPusher: warning: {what}: {error}")
