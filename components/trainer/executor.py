"""Runs a training by the contract that the user's module follows."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from tfx_estimators.components.trainer.contracts import Contract, check_channels, find_contract
from tfx_estimators.components.trainer.job import TrainingJob
from tfx_estimators.components.trainer.publication import publish
from tfx_estimators.components.trainer.store import find_training, open_training
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import ModuleContractError

__all__ = ["TrainerExecutor"]


class TrainerExecutor(base_executor.BaseExecutor):
    """Executor of `EstimatorTrainer`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains; see `EstimatorTrainer` for inputs, outputs and errors."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model_run = artifact_utils.get_single_instance(output_dict["model_run"])
        with open_training(
            find_training(input_dict, exec_properties, model_run.uri, self._context)
        ) as training:
            job = TrainingJob.from_step(input_dict, output_dict, exec_properties, training)
            self._train(job, input_dict, exec_properties)
            publish(training, model_run, artifact_utils.get_single_instance(output_dict["model"]))

    def _train(
        self,
        job: TrainingJob,
        input_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        module = UserModule.from_exec_properties(exec_properties)
        names = module.names()
        if names is None or find_contract(names) is not Contract.COLUMNS:
            from tfx_estimators.components.trainer import legacy_tfma

            legacy_tfma.install()
        loaded = module.load()
        contract = find_contract(vars(loaded))
        if contract is not None:
            check_channels(contract, [k for k, found in input_dict.items() if found], module.name)
        if contract is Contract.COLUMNS:
            from tfx_estimators.components.trainer import columns_training

            columns_training.train(loaded, job)
        elif contract is not None:
            from tfx_estimators.components.trainer import fn_args_training

            train = {
                Contract.RUN_FN: fn_args_training.call_run_fn,
                Contract.TRAINER_FN: fn_args_training.call_trainer_fn,
            }[contract]
            train(loaded, job, input_dict, exec_properties)
        else:
            raise ModuleContractError(
                f"the module {module.name} follows none of the trainer's contracts",
                expected="; or ".join(" and ".join(c.value) for c in Contract),
                fix="add the missing functions",
            )
