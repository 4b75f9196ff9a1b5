"""Pipelines on Kubeflow Pipelines, the open-source one.

* `package`: a TFX pipeline compiled into a package; `names`, `lint`, `resolution` and
  `platform` are its parts. `runner` does the same in the place of a TFX runner.
* `entrypoint`: what a step of a package runs.
* `local`: a package run on this machine.
* `submission`: a package run by a Kubeflow Pipelines server.
* `blessed_model`: the latest blessed model, looked up by an ordinary step.
"""

__all__ = [
    "blessed_model",
    "entrypoint",
    "lint",
    "local",
    "names",
    "package",
    "platform",
    "resolution",
    "runner",
    "submission",
]
