"""Runs a training by the contract that the user's module follows."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from tfx_estimators.components.metadata_driver import told_of_records
from tfx_estimators.components.trainer.contract_training import train
from tfx_estimators.components.trainer.distributed import joined_task, train_in_processes
from tfx_estimators.components.trainer.job import TrainingJob
from tfx_estimators.components.trainer.model_dirs import noted_model_dirs
from tfx_estimators.components.trainer.publication import publish
from tfx_estimators.components.trainer.role import ALONE
from tfx_estimators.components.trainer.store import find_training, open_training, started
from tfx_estimators.components.trainer.vocabularies import note_vocabularies
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
            job = TrainingJob.from_step(input_dict, output_dict, exec_properties, started(found))
            train_in_processes(job, input_dict, output_dict, exec_properties)
            return
        store = found.folder.rpartition("/")[0]
        with (
            told_of_records(found.origin, lambda: [store, *noted_model_dirs(found.folder)]),
            open_training(found) as training,
        ):
            job = TrainingJob.from_step(input_dict, output_dict, exec_properties, training)
            note_vocabularies(training.folder, job.transform_graph)
            if job.distribution is None:
                with no_exit():
                    train(job, input_dict, exec_properties, ALONE)
            else:
                train_in_processes(job, input_dict, output_dict, exec_properties)
            model = artifact_utils.get_single_instance(output_dict["model"])
            publish(training, model_run, model, job.label_key, job.transform_graph)
