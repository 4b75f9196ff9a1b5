"""Lets go of the object that Beam's steps shared last.

Beam keeps it until another one takes its place or Python ends: the model of a transform, of
hundreds of megabytes perhaps. Python takes Beam apart after TensorFlow where Beam was imported
first, and then TensorFlow's functions report errors that nobody can do anything about.
"""

from __future__ import annotations

import sys

__all__ = ["release_shared_object"]


def release_shared_object() -> None:
    """Shares an empty object, which takes the last one's place, if there may be one."""
    if "apache_beam.utils.shared" not in sys.modules:
        return
    from apache_beam.utils.shared import Shared

    Shared().acquire(_Nothing)


class _Nothing:
    """An object that can be referred to weakly, as Beam does."""
