"""`EstimatorPusher`, and the `ModelServer` that it may reload."""

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
