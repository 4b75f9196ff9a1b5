"""Steps that do not need each other run at the same time, each executor in its own process.

TFX's launchers, their drivers and all that goes to ML Metadata stay in the process of the
run, one step at a time.

* `schedule`: which steps may run now, and how a run with several of them ends.
* `operators`: TFX's executor operators, with executors in processes of their own.
* `step_processes`: starts these processes, hears what they say, and passes signals on.
* `step_process`: such a process.
* `preloaded`: what steps import, imported once, in the process that theirs are forked from.
"""

from __future__ import annotations

__all__ = ["operators", "preloaded", "schedule", "step_process", "step_processes"]
