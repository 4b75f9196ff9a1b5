"""Trains by the contract that the user's module follows."""

from __future__ import annotations

from tfx_estimators.components.trainer.contracts.precedence import (
    Contract,
    check_channels,
    check_distribution,
    find_contract,
)
from tfx_estimators.components.trainer.request import TrainingRequest
from tfx_estimators.components.trainer.session.role import Role
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import ModuleContractError

__all__ = ["train"]


def train(request: TrainingRequest, role: Role) -> None:
    """Does this process's part of a training.

    Args:
        request: what the step was given.
        role: what this process does.

    Raises:
        ModuleContractError: if the module follows no contract.
        UnsupportedOptionError: if its contract cannot be distributed as asked.
        TfxEstimatorsError: as the contract's training does.
    """
    module = UserModule.from_exec_properties(request.properties)
    names = module.names()
    if names is None or find_contract(names) is not Contract.COLUMNS:
        from tfx_estimators.components.trainer.contracts import legacy_tfma

        legacy_tfma.install()
    loaded = module.load()
    contract = find_contract(vars(loaded))
    if contract is None:
        raise ModuleContractError(
            f"the module {module.name} follows none of the trainer's contracts",
            expected="; or ".join(" and ".join(c.value) for c in Contract),
            fix="add the missing functions",
        )
    check_channels(contract, [key for key, found in request.inputs.items() if found], module.name)
    if request.distribution is not None:
        check_distribution(contract, request.distribution, request.train_steps, module.name)
    if contract is Contract.COLUMNS:
        from tfx_estimators.components.trainer.contracts import columns as columns_training

        columns_training.train(loaded, request, role)
        return
    from tfx_estimators.components.trainer.contracts import fn_args as fn_args_training

    if contract is Contract.RUN_FN:
        fn_args_training.call_run_fn(loaded, request)
    else:
        fn_args_training.call_trainer_fn(loaded, request, role)
