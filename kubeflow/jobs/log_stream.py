"""What a job's processes say, while they say it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tfx_estimators.kubeflow.jobs.interface import Job, Jobs
from tfx_estimators.terminal import say

__all__ = ["LogStream"]

_LINES = 200
_SECONDS_BETWEEN_LOOKS = 5.0


class LogStream:
    """Passes on to standard error what is new in the logs, each line behind its process's name.

    At most the last 200 lines of a process are asked for at a time, so that a job that says
    much is not slower for it; what is left out is said. The whole logs are kept at the end.

    Args:
        jobs: the connection.
        job: the job.
        seconds: between two looks.
    """

    def __init__(self, jobs: Jobs, job: Job, seconds: float = _SECONDS_BETWEEN_LOOKS) -> None:
        self._jobs, self._job = jobs, job
        self._seconds = seconds
        self._next = 0.0
        self._told: dict[str, list[str]] = {}

    def look(self, replicas: Iterable[str], *, last: bool = False) -> None:
        """Passes on what is new, unless the look before was a moment ago.

        Args:
            replicas: names of processes that have begun.
            last: whether this is the last look, which is not too early.
        """
        if not last and time.monotonic() < self._next:
            return
        for replica in replicas:
            text = self._jobs.log(self._job.name, replica, _LINES)
            # Half a line waits for its other half.
            lines = (text if last else text[: text.rfind("\n") + 1]).splitlines()
            for line in new_lines(self._told.get(replica, []), lines):
                say(f"{replica} | {line}")
            self._told[replica] = lines
        self._next = time.monotonic() + self._seconds


def new_lines(before: list[str], now: list[str]) -> list[str]:
    """What two looks at the end of a log have between them.

    Args:
        before: the last lines of the log, as many as were asked for.
        now: the same, later.

    Returns:
        the lines of `now` that follow those of `before`; all of them after "..." if none of
        `before` is left.
    """
    for gone in range(len(before)):
        kept = before[gone:]
        if now[: len(kept)] == kept:
            return now[len(kept) :]
    return ["...", *now] if before else now
