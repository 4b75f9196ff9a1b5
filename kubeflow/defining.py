"""A pipeline that is defined here to run elsewhere."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any

__all__ = ["making_no_folders"]


@contextlib.contextmanager
def making_no_folders() -> Iterator[None]:
    """Has TFX make no folder for a SQLite store for the length of a block.

    `sqlite_metadata_connection_config` makes it when the store is merely named, and fails
    where it cannot. Private TFX name: `metadata.fileio`, seen on TFX 1.15.1, 1.16.0 and
    1.21.0.
    """
    from tfx.orchestration import metadata

    module: Any = metadata
    before = module.fileio
    module.fileio = types.SimpleNamespace(makedirs=lambda path: None)
    try:
        yield
    finally:
        module.fileio = before
