"""Which versions of Python, TensorFlow and TFX this package supports.

The only place where the ranges stand: packaging, `make setup` and the checks at run time
read them here. `setup.py` and `scripts/setup_stack.py` run this file by its path, before
anything is installed, so it imports nothing but the standard library.
"""

from __future__ import annotations

import dataclasses

__all__ = ["ESTIMATOR_PACKAGE", "PYTHON", "STACKS", "TENSORFLOW", "TFX", "Stack"]

PYTHON = ">=3.10,<3.14"
TENSORFLOW = ">=2.15,<2.22"
TFX = ">=1.15.1,<1.22"
ESTIMATOR_PACKAGE = ">=2.15,<2.16"
"""The release of `tensorflow-estimator` that TensorFlow Model Analysis brings on every TFX."""


@dataclasses.dataclass(frozen=True)
class Stack:
    """One tested combination, pinned in `requirements/<name>.txt`.

    Attributes:
        tfx: its release, major and minor.
        tensorflow: likewise.
        pythons: versions it is pinned for, newest first.
        glibc: the lowest that its wheels accept.
        base_image: of containers; has the newest of the Pythons.
    """

    tfx: tuple[int, int]
    tensorflow: tuple[int, int]
    pythons: tuple[str, ...]
    glibc: tuple[int, int]
    base_image: str


STACKS = {
    "current": Stack(
        tfx=(1, 21),
        tensorflow=(2, 21),
        pythons=("3.13", "3.12", "3.11", "3.10"),
        glibc=(2, 39),
        base_image="python:3.13-slim-trixie",
    ),
    "default": Stack(
        tfx=(1, 16),
        tensorflow=(2, 16),
        pythons=("3.10",),
        glibc=(2, 17),
        base_image="python:3.10-slim-bookworm",
    ),
    "legacy": Stack(
        tfx=(1, 15),
        tensorflow=(2, 15),
        pythons=("3.10",),
        glibc=(2, 17),
        base_image="python:3.10-slim-bookworm",
    ),
}
"""Newest first: `make setup` takes the first that the machine can run."""
