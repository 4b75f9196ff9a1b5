"""What can run a pipeline: one module each, behind one interface.

* `interface`: what a runner has to be, and the options that it may take.
* `registry`: runners by name, those of other packages included.
* `local`, `beam`: TFX's own runners on this machine.

The runner `kubeflow-local` is in `tfx_estimators.kubeflow.local.runner`.
"""

from __future__ import annotations

from tfx_estimators.pipelines.runners.interface import PlanningRunner, Runner, RunnerOption
from tfx_estimators.pipelines.runners.registry import find_runner, runners

__all__ = [
    "PlanningRunner",
    "Runner",
    "RunnerOption",
    "beam",
    "find_runner",
    "interface",
    "local",
    "registry",
    "runners",
]
