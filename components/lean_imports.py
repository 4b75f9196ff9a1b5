"""Libraries of TFX's, imported without what a process does not use.

Seen on TFX 1.15.1, 1.16.0 and 1.21.0: `tfx.components` only gathers the components, and no module
in it needs anything of it.
"""

from __future__ import annotations

import importlib

from tfx_estimators.components.beam_io_import import postpone_google_io
from tfx_estimators.components.deferred_packages import deferred_packages

__all__ = ["import_less"]

_COMPONENTS = "tfx.components"


def import_less() -> None:
    """Has this process import less, for as long as nobody uses it.

    Beam goes without its I/O on Google Cloud, and who imports a component of TFX, or its
    executor, is spared all the others, with TensorFlow Model Analysis, Keras Tuner, Kubernetes'
    client and what else they import.
    """
    postpone_google_io()
    with deferred_packages({_COMPONENTS: (_COMPONENTS,)}):
        importlib.import_module(_COMPONENTS)
