"""`EstimatorPusher`, and the `ModelServer` that it may reload.

* `afterwards`: what is done after a version is visible.
* `bucket`: versions in a bucket, which has no rename and no locks: order and a lease do their
  work.
* `canary`: tries a SavedModel as a server would: in a process that has TensorFlow only.
* `component`: `EstimatorPusher`: a tried and blessed model into a folder that TF Serving watches.
* `driver`: tells ML Metadata of the rollbacks since the last run, whoever runs the pipeline.
* `executor`: pushes a model: is it blessed, the push itself, what the artifact says, the server.
* `manifest`: what a version says of itself: which SavedModel it is, file by file.
* `numbers`: names of versions: which are one, and which comes next.
* `place`: where versions go, and how a model gets there.
* `publication`: a push from its SavedModel to the version that readers see, and the record of it.
* `rollback`: back to an older version: its content once more, as the newest.
* `server`: telling a TensorFlow Serving ModelServer of a new version, over its gRPC API.
* `spec`: what `EstimatorPusher` reads, writes and takes.
* `trial`: runs the canary in its own process, started early, and says what went wrong.
* `versions`: version folders: staged out of sight, then made visible with one rename.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.components.pusher.component import EstimatorPusher
    from tfx_estimators.components.pusher.server import ModelServer

__all__ = ["EstimatorPusher", "ModelServer"]


def __getattr__(name: str) -> Any:
    # TFX takes seconds to import; only what is asked for is.
    if name in __all__:
        home = "component" if name == "EstimatorPusher" else "server"
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
