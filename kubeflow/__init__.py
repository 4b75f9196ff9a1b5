"""Pipelines on Kubeflow Pipelines, the open-source one.

* `package`: a TFX pipeline compiled into a package; `names`, `lint`, `resolution` and
  `platform` are its parts. `runner` does the same in the place of a TFX runner.
* `jobs`: training on several machines; `training_steps`: steps that start such a job.
* `serving`: what was pushed, served by KServe.
* `access`: a Kubernetes API server.
* `entrypoint`: what a step of a package runs.
* `local`: a package run on this machine.
* `submission`: a package run by a Kubeflow Pipelines server.
* `blessed_model`: the latest blessed model, looked up by an ordinary step.
"""

__all__ = [
    "access",
    "blessed_model",
    "entrypoint",
    "jobs",
    "lint",
    "local",
    "names",
    "package",
    "platform",
    "resolution",
    "runner",
    "serving",
    "submission",
    "training_steps",
]
