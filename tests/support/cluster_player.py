"""What all players of a part of a cluster share: they look after it in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from typing_extensions import Self


class ClusterPlayer:
    """Looks again and again until it is left.

    Args:
        seconds_between_looks: how long it waits before each.

    Attributes:
        problem: what ended it early.
    """

    def __init__(self, seconds_between_looks: float) -> None:
        self._seconds = seconds_between_looks
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self.problem: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()
        self._leave()
        assert self.problem is None, self.problem

    def _look(self) -> None:
        """Looks after everything, once."""
        raise NotImplementedError

    def _leave(self) -> None:
        """Ends what it has begun."""

    def _loop(self) -> None:
        try:
            while not self._ended.wait(self._seconds):
                self._look()
        except BaseException as error:
            self.problem = error

    def _again_after_a_conflict(self, look: Callable[[], object]) -> None:
        from kubernetes import client

        try:
            look()
        except client.exceptions.ApiException as error:
            # Changed or removed since it was read: it is looked at again.
            if error.status not in (404, 409):
                raise
