"""Serving what was pushed, on Kubernetes, as an InferenceService of KServe.

* `component`: the step; `executor`: what it runs.
* `service`: what is asked for; `manifest`: the same in KServe's words.
* `version_folder`: a version where KServe's TensorFlow runtime finds it.
* `rollout`: a version's way in, its share of the requests, and back; `readiness`: whether
  it serves; `cluster`: InferenceServices on a Kubernetes API server.
* `cluster`: InferenceServices on a Kubernetes API server, by the official client.
* `executor`: serves a version: everything is looked at before anything is made.
* `kserve_resource`: an InferenceService in KServe's words, `serving.kserve.io/v1beta1`.
* `readiness`: whether a version serves: what KServe writes into a service's status.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.kubeflow.serving.component import KServePusher
    from tfx_estimators.kubeflow.serving.service import InferenceService

__all__ = ["InferenceService", "KServePusher"]


def __getattr__(name: str) -> Any:
    # TFX takes seconds to import; only what is asked for is.
    if name in __all__:
        home = "component" if name == "KServePusher" else "service"
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
