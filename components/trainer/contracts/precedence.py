"""The three contracts that a module may follow, in order of precedence."""

from __future__ import annotations

import enum
from collections.abc import Collection

from tfx_estimators.errors import PipelineError, UnsupportedOptionError
from tfx_estimators.estimator.distribution import Policy

__all__ = ["Contract", "check_channels", "check_distribution", "find_contract"]


class Contract(enum.Enum):
    """A set of functions; a module that defines all of them is trained that way."""

    RUN_FN = ("run_fn",)
    TRAINER_FN = ("trainer_fn",)
    COLUMNS = ("feature_columns", "estimator_fn")


def find_contract(names: Collection[str]) -> Contract | None:
    """The first contract whose functions are all among `names`."""
    return next((contract for contract in Contract if set(contract.value) <= set(names)), None)


_NEEDED_CHANNELS = {
    Contract.RUN_FN: (),
    Contract.TRAINER_FN: ("schema",),
    Contract.COLUMNS: ("transform_graph", "feature_columns"),
}
_SOURCES = {
    "schema": "SchemaGen, ImportSchemaGen or an Importer",
    "transform_graph": "a FeatureColumnTransform over the same module",
    "feature_columns": "a FeatureColumnTransform over the same module",
}


def check_channels(contract: Contract, given: Collection[str], module: str) -> None:
    """Checks that the trainer has the inputs that a contract needs.

    Args:
        contract: the one the module follows.
        given: keys of the inputs that there are.
        module: how messages call the module.

    Raises:
        PipelineError: naming the missing ones.
    """
    needed = _NEEDED_CHANNELS[contract]
    missing = [key for key in needed if key not in given]
    if missing:
        functions = " and ".join(f"{name}()" for name in contract.value)
        raise PipelineError(
            f"EstimatorTrainer: {', '.join(missing)} not given, and the module {module} "
            f"defines {functions}",
            expected=f"the channels {', '.join(needed)}",
            fix=f"pass the outputs of {_SOURCES[missing[0]]}",
        )


def check_distribution(
    contract: Contract, policy: Policy, train_steps: int | None, module: str
) -> None:
    """Checks that a module can be trained as asked.

    Args:
        contract: the one the module follows.
        policy: what was asked for.
        train_steps: batches to train on; None for no limit.
        module: how messages call the module.

    Raises:
        UnsupportedOptionError: if not.
    """
    asked = f"EstimatorTrainer: distribution={policy} with the module {module}"
    if contract is Contract.RUN_FN or (contract is Contract.TRAINER_FN and not policy.in_processes):
        raise UnsupportedOptionError(
            asked,
            expected="a module with feature_columns and estimator_fn, or for several "
            "processes one with trainer_fn: other modules make their own strategy",
            fix="pass the strategy to RunConfig in the module, and no distribution",
        )
    if policy.in_processes and not train_steps:
        raise UnsupportedOptionError(
            f"{asked} and no number of steps",
            expected="the step at which all processes stop",
            fix="pass train_args=TrainArgs(num_steps=...)",
        )
