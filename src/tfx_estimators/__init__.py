"""Estimator pipelines on today's TFX.

What you may rely on: what the rooms list in `__all__`, the errors, and the command
`tfx-estimators`. Everything else may change.

The rooms, in the order in which they may import each other:

* `estimator`: the Estimator API on TensorFlow 2.15 to 2.21.
* `lineage`: questions to ML Metadata.
* `components`: the TFX components.
* `pipelines`: ready pipelines, the usual pipeline in a few lines, and what runs a pipeline.
* `report`: a run as one page of HTML.
* `kubeflow`: the same pipelines on Kubeflow.
* `commands`, `cli`: the command `tfx-estimators`.

Below all rooms:

* `errors`: every error this package raises, in one tree.
* `supported`: the supported versions of Python, TensorFlow and TFX.
* `collector`: Python's garbage collector in processes of our own.
* `places`: what a path means, with links resolved.
* `environment_variables`: the environment variables that this package reads.
* `whole_files`: files that a reader sees whole or not at all.
* `json_text`: JSON that every reader of JSON accepts.
* `redaction`, `terminal`: secrets and control characters kept from people, logs and records.
* `log_file`: the log of a run.

Importing a room is cheap: TensorFlow, TFX and Beam are imported where they are
first used.
"""

from typing import Any

__version__ = "0.1.0"

__all__ = ["FeatureColumns", "__version__"]


def __getattr__(name: str) -> Any:
    # The artifact type: Kubeflow takes names of one dot only, by which it is imported.
    if name == "FeatureColumns":
        from tfx_estimators.components.artifacts import FeatureColumns

        return FeatureColumns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
