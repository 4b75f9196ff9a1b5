"""What a container of a compiled package runs: one TFX component's executor.

Started as `python -m tfx_estimators.kubeflow.entrypoint` with the arguments that TFX's
Kubeflow V2 compiler writes. TFX's own entrypoint takes for granted what only one vendor's
backend does: types on input artifacts, file systems behind every URI, and a driver that
is run before ExampleGen. This one needs none of them, and no kfp in the image.

* `artifact_types`: the TFX artifact class behind what a package or a backend calls a type.
* `data_digest`: the digest of the files that a step reads, for the backend's cache key.
* `example_gen`: what TFX's driver does before a file-based ExampleGen runs.
* `invocation`: the command line of a step, read.
* `own_step`: runs a step that compiling added; here nothing imports TFX, which takes seconds.
* `record_folder`: where the lineage records of steps go.
* `run_report`: the report on a run, made by the run's last step.
* `run_record`: which steps of a run were answered from the backend's cache.
* `runtime_artifacts`: artifacts as the backend writes them, and as TFX's executors know them.
* `sidecar`: what a step read and wrote, as a lineage record, for ML Metadata to be told later.
* `step`: runs a step: types, driver, executor, and what the backend is told of it.
* `uris`: what the URIs of Kubeflow Pipelines say, and where its launcher keeps their local
  copies.
"""

from __future__ import annotations

from tfx_estimators.kubeflow.entrypoint.invocation import Invocation
from tfx_estimators.kubeflow.entrypoint.uris import local_path

__all__ = ["Invocation", "local_path"]
