"""Runs a compiled package on this machine.

`kfp.local` itself orchestrates: its order of tasks, its ExecutorInput, its placeholders,
its reading of outputs. Only how a task is carried out is ours: a process started by the
command in the package, or a podman container of the step's image.

* `containers`: Podman, as steps of a package are run with it.
* `imitated_backend`: what the driver and the launcher of Kubeflow Pipelines make of a step,
  imitated here.
* `kfp_python`: a Python whose kfp can orchestrate a pipeline locally.
* `launcher_copies`: a bucket and the launcher's copies of it, imitated with folders.
* `live_records`: tells ML Metadata of a package's run while it runs, so that `status` and `runs`
  show it.
* `orchestrator`: the program that runs a package with `kfp.local`: `python orchestrator.py`, job
  on stdin.
* `package_file`: a compiled package, read and looked over before anything is started.
* `run`: runs a package: starts the orchestrator, follows it, and reports the result.
* `runner`: the runner `kubeflow-local`: compiles a pipeline and runs the package on this machine.
* `step_progress`: reports how far the running step is: it keeps that in a file, which is looked at
  here.
"""

from __future__ import annotations

from tfx_estimators.kubeflow.local.package_file import PackageFile
from tfx_estimators.kubeflow.local.run import RunReport, run_package

__all__ = ["PackageFile", "RunReport", "run_package"]
