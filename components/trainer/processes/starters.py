"""Starters of training processes elsewhere than on this machine.

On a cluster the step does not start processes beside itself: it asks for a job whose
replicas run the same task program. What does that lies in another room and is named by
the environment of the step, which the runner sets.
"""

from __future__ import annotations

import importlib
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tfx_estimators.components.trainer.request import Artifacts, TrainingRequest
from tfx_estimators.environment_variables import STARTER
from tfx_estimators.errors import TrainingError

__all__ = ["Starter", "Step", "Watch", "find_starter"]

Watch = Callable[[Mapping[str, Any] | None, int, int], None]
"""Takes the leader's state ({"step": ..., "fields": {...}}; None if it said nothing yet),
and the numbers of processes that run and of all."""

Step = Callable[[Artifacts, Artifacts], str]
"""What a task reads from `step.json`, for artifacts at the places where it sees them."""


class Starter(Protocol):
    """Runs the members of a training somewhere, to their end."""

    def run_members(
        self,
        request: TrainingRequest,
        step: Step,
        logs: pathlib.Path,
        watch: Watch,
    ) -> None:
        """Starts one process for each of `request.distribution.tasks()` and waits for them.

        Each runs `python -m tfx_estimators.components.trainer.processes.task FOLDER NAME member`,
        where FOLDER holds `step.json`, with TF_CONFIG set.

        Args:
            request: what the step was given.
            step: makes the content of `step.json`.
            logs: folder for a log file a task.
            watch: to be called now and then; raises if the step is to end.

        Raises:
            TrainingError: if a task fails, with its name and last lines.
        """


def find_starter() -> Starter | None:
    """The starter that the environment names; None where processes are started here.

    Raises:
        TrainingError: if there is none of that name.
    """
    name = os.environ.get(STARTER)
    if not name:
        return None
    module, _, attribute = name.partition(":")
    try:
        starter: Starter = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise TrainingError(
            f"{STARTER} is {name!r}, which cannot be imported: {error}",
            expected="MODULE:ATTRIBUTE of something that starts training jobs",
            fix=f"unset {STARTER} to start processes on this machine",
        ) from error
    return starter
