"""What the user sees of a run: each step announced, timed, and cached ones named.

Both of TFX's local runners start a step through `launcher.Launcher`; for the
length of a run that class is replaced by one that also reports.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from tfx.orchestration.portable import launcher

__all__ = ["Steps", "announce_steps"]


@dataclasses.dataclass
class Steps:
    """How far a run has come.

    Attributes:
        started: number of steps begun.
        current: id of the newest of them.
    """

    started: int = 0
    current: str = "the pipeline"


@contextlib.contextmanager
def announce_steps(total: int, say: Callable[[str], None]) -> Iterator[Steps]:
    """Reports every step that TFX launches inside the block.

    Private TFX names: `Launcher._run_executor` and `Launcher._pipeline_node`, seen on
    TFX 1.15.1, 1.16.0 and 1.21.0. `_run_executor` is not called for a cached step.

    Args:
        total: how many steps the pipeline has.
        say: takes one line for the user.
    """
    original = launcher.Launcher
    steps = Steps()

    class AnnouncingLauncher(original):  # type: ignore[misc, valid-type]
        executed = False

        def launch(self) -> Any:
            node = self._pipeline_node.node_info
            steps.started += 1
            steps.current = node.id
            title = f"[{steps.started}/{total}] {node.id}"
            say(title)
            begin = time.monotonic()
            try:
                result = super().launch()
            except BaseException:
                say(f"{title}: failed after {time.monotonic() - begin:.1f} s")
                raise
            resolved = node.type.name.endswith("Resolver")
            outcome = "done" if self.executed or resolved else "cached, nothing to do"
            say(f"{title}: {outcome} ({time.monotonic() - begin:.1f} s)")
            return result

        def _run_executor(self, *args: Any, **kwargs: Any) -> Any:
            self.executed = True
            return super()._run_executor(*args, **kwargs)

    launcher.Launcher = AnnouncingLauncher
    try:
        yield steps
    finally:
        launcher.Launcher = original
