"""What a container of a compiled package runs: one TFX component's executor.

Started as `python -m tfx_estimators.kubeflow.entrypoint` with the arguments that TFX's
Kubeflow V2 compiler writes. TFX's own entrypoint takes for granted what only one vendor's
backend does: types on input artifacts, file systems behind every URI, and a driver that
is run before ExampleGen. This one needs none of them, and no kfp in the image.
"""

from __future__ import annotations

from tfx_estimators.kubeflow.entrypoint.invocation import Invocation
from tfx_estimators.kubeflow.entrypoint.uris import local_path

__all__ = ["Invocation", "local_path"]
