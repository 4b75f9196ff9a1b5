"""`EstimatorPusher`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.components.pusher.component import EstimatorPusher

__all__ = ["EstimatorPusher"]


def __getattr__(name: str) -> Any:
    # TFX takes seconds to import; only what is asked for is.
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.component"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
