"""The three things a module may define for the trainer, in order of precedence."""

from __future__ import annotations

import enum
from collections.abc import Collection

__all__ = ["Contract", "find_contract"]


class Contract(enum.Enum):
    """A set of functions; a module that defines all of them is trained that way."""

    RUN_FN = ("run_fn",)
    TRAINER_FN = ("trainer_fn",)
    COLUMNS = ("feature_columns", "estimator_fn")


def find_contract(names: Collection[str]) -> Contract | None:
    """The first contract whose functions are all among `names`."""
    return next((contract for contract in Contract if set(contract.value) <= set(names)), None)
