"""Runs a compiled package on this machine.

`kfp.local` itself orchestrates: its order of tasks, its ExecutorInput, its placeholders,
its reading of outputs. Only how a task is carried out is ours: a process started by the
command in the package, or a podman container of the step's image.
"""

from __future__ import annotations

from tfx_estimators.kubeflow.local.package_file import PackageFile
from tfx_estimators.kubeflow.local.run import RunReport, run_package

__all__ = ["PackageFile", "RunReport", "run_package"]
