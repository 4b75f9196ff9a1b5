"""Runs a training by the contract that the user's module follows.

Private name: `BaseExecutor._log_startup`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from tfx_estimators.components.metadata_driver import told_of_records
from tfx_estimators.components.trainer.checkpoints.model_dirs import noted_model_dirs
from tfx_estimators.components.trainer.checkpoints.model_run import publish
from tfx_estimators.components.trainer.checkpoints.training_folder import (
    find_training,
    open_training,
    started,
)
from tfx_estimators.components.trainer.checkpoints.vocabularies import note_vocabularies
from tfx_estimators.components.trainer.contracts.dispatch import train
from tfx_estimators.components.trainer.processes.launch import joined_task, train_in_processes
from tfx_estimators.components.trainer.request import TrainingRequest
from tfx_estimators.components.trainer.session.role import ALONE
from tfx_estimators.components.user_module import no_exit

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
        found = find_training(input_dict, exec_properties, model_run.uri, self._context)
        joined = joined_task() if exec_properties.get("distribution") else None
        if joined is not None and not joined.leads:
            # The step's outputs are the leader's, which is another process of the cluster.
            request = TrainingRequest.from_step(
                input_dict, output_dict, exec_properties, started(found)
            )
            train_in_processes(request)
            return
        store = found.folder.rpartition("/")[0]
        with (
            told_of_records(found.origin, lambda: [store, *noted_model_dirs(found.folder)]),
            open_training(found) as training,
        ):
            request = TrainingRequest.from_step(input_dict, output_dict, exec_properties, training)
            note_vocabularies(training.folder, request.transform_graph)
            if request.distribution is None:
                with no_exit():
                    train(request, ALONE)
            else:
                train_in_processes(request)
            model = artifact_utils.get_single_instance(output_dict["model"])
            publish(training, model_run, model, request.label_key, request.transform_graph)
