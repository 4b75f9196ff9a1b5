"""TFX's driver of ExampleGens over files, under a name that does not bring TFX's executors.

The launcher imports a driver by its name, for a cached step too, and a module of
`tfx.components` by its name brings all of TFX's components.
"""

from __future__ import annotations

from tfx.components.example_gen.driver import FileBasedDriver

__all__ = ["FilesDriver"]


class FilesDriver(FileBasedDriver):
    """TFX's own."""
