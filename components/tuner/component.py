"""`EstimatorTuner`: the best hyperparameters of an estimator, found by training it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_component
from tfx.proto import trainer_pb2, tuner_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.utils import json_utils, proto_utils

from tfx_estimators.components.executor_specs import LazyExecutorSpec
from tfx_estimators.components.metadata_driver import MetadataDriver
from tfx_estimators.components.trainer.contracts.precedence import (
    Contract,
    check_distribution,
    find_contract,
)
from tfx_estimators.components.trainer.contracts.settings import check_custom_config
from tfx_estimators.components.tuner.objective import Objective
from tfx_estimators.components.tuner.search import Hyperband, RandomSearch, Search, to_json
from tfx_estimators.components.tuner.spec import EstimatorTunerSpec
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.estimator.distribution import Policy

__all__ = ["EstimatorTuner"]

_FUNCTIONS = ("hyperparameters", *Contract.COLUMNS.value)


class EstimatorTuner(base_component.BaseComponent):
    """Searches for the hyperparameters with which an estimator learns best.

    The module is the trainer's, with `feature_columns` and `estimator_fn`, and one more
    function: `hyperparameters` returns a `keras_tuner.HyperParameters` with the values to
    choose from.

        def hyperparameters():
            import keras_tuner

            choices = keras_tuner.HyperParameters()
            choices.Float("learning_rate", 1e-3, 1e-1, sampling="log")
            choices.Int("layers", 1, 3)
            return choices

    Each trial trains and evaluates the estimator as `EstimatorTrainer` does, with its
    values in `params`, and exports nothing. Its checkpoints lie in the checkpoint store and
    are recorded. A search that dies goes on where it was: finished trials are not repeated,
    and unfinished ones go on from their last checkpoints.

    Outputs are those of TFX's Tuner: `best_hyperparameters`, which the trainer takes as
    `hyperparameters`, and `tuner_results` with a row for every trial that ended well.

    Args:
        examples: Examples, the transformed ones.
        transform_graph: TransformGraph.
        feature_columns: FeatureColumns.
        base_model: Model that every trial starts from, as with `EstimatorTrainer`.
        module_file: path of the module; or
        module_path: its dotted name.
        search: `RandomSearch`, `BayesianSearch`, `GridSearch` or `Hyperband` of
            `tfx_estimators.components.tuner`; by default ten trials at random.
        objective: the metric of `Estimator.evaluate` that is compared, measured at the end
            of each trial. By default "loss", which every estimator has; between losses of
            other kinds choose a metric that they share, such as "average_loss" or "auc".
        direction: "min" or "max"; known for the metrics of the canned estimators.
        label_key: the label among the transformed features; by default the one that the
            transform was given.
        train_args: splits (default "train") and steps of a whole trial; without steps it
            trains on one pass over the data.
        eval_args: splits (default "eval") and steps of each evaluation; without steps it
            evaluates on all of the data.
        tune_args: `num_parallel_trials`: how many trials train at the same time, each in
            a process of its own on this machine; by default one.
        custom_config: as for `EstimatorTrainer`; a trial's values go over it.
        checkpoint_store: as for `EstimatorTrainer`.
        distribution: devices and processes of every trial, as for `EstimatorTrainer`.
        fresh: any text; a new one begins the search and its trials anew.

    Raises:
        UserModuleError: if the module cannot be found or parsed.
        ModuleContractError: if it lacks a function.
        UnsupportedOptionError: if an option cannot be used.
    """

    SPEC_CLASS = EstimatorTunerSpec
    EXECUTOR_SPEC = LazyExecutorSpec("tfx_estimators.components.tuner.executor.TunerExecutor")
    DRIVER_CLASS = MetadataDriver

    def __init__(
        self,
        *,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        feature_columns: BaseChannel,
        base_model: BaseChannel | None = None,
        module_file: str | None = None,
        module_path: str | None = None,
        search: Search | None = None,
        objective: str = "loss",
        direction: str | None = None,
        label_key: str | None = None,
        train_args: trainer_pb2.TrainArgs | None = None,
        eval_args: trainer_pb2.EvalArgs | None = None,
        tune_args: tuner_pb2.TuneArgs | None = None,
        custom_config: Mapping[str, Any] | None = None,
        checkpoint_store: str | None = None,
        distribution: Policy | None = None,
        fresh: str | None = None,
    ) -> None:
        module = UserModule.find(module_file, module_path)
        module.require([_FUNCTIONS], of="EstimatorTuner")
        train_args = train_args or trainer_pb2.TrainArgs()
        steps = train_args.num_steps or None
        names = module.names()
        contract = None if names is None else find_contract(names)
        if contract is not None:  # else only running the module tells
            _check_contract(contract, module.name)
        if distribution is not None:
            check_distribution(Contract.COLUMNS, distribution, steps, module.name)
        search = RandomSearch() if search is None else search
        _check_steps(search, steps)
        check_custom_config(custom_config or {})
        aim = Objective.of(objective, direction)
        super().__init__(
            spec=EstimatorTunerSpec(
                examples=examples,
                transform_graph=transform_graph,
                feature_columns=feature_columns,
                base_model=base_model,
                **module.exec_properties(),
                search=to_json(search),
                objective=aim.metric,
                direction=aim.direction,
                label_key=label_key,
                train_args=proto_utils.proto_to_json(train_args),
                eval_args=proto_utils.proto_to_json(eval_args or trainer_pb2.EvalArgs()),
                tune_args=proto_utils.proto_to_json(tune_args or tuner_pb2.TuneArgs()),
                custom_config=json_utils.dumps(dict(custom_config or {})),
                checkpoint_store=checkpoint_store,
                distribution=None if distribution is None else distribution.to_json(),
                fresh=fresh,
                best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
                tuner_results=Channel(type=standard_artifacts.TunerResults),
            )
        )


def _check_contract(contract: Contract, module: str) -> None:
    if contract is not Contract.COLUMNS:
        raise UnsupportedOptionError(
            f"EstimatorTuner: the module {module} defines {contract.value[0]}, which comes before "
            "feature_columns and estimator_fn",
            expected="a module whose estimator the trainer makes by estimator_fn",
            fix="use TFX's Tuner with a tuner_fn: EstimatorTrainer takes its best_hyperparameters",
        )


def _check_steps(search: Search, steps: int | None) -> None:
    if isinstance(search, Hyperband) and (steps is None or steps < search.units):
        raise UnsupportedOptionError(
            f"EstimatorTuner: {search} with num_steps={steps} in train_args",
            expected=f"at least {search.units} steps, which the first round divides by "
            f"{search.units}",
            fix="set num_steps in train_args, or use fewer rounds",
        )
