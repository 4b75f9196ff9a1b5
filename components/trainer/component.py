"""`EstimatorTrainer`: train_and_evaluate, checkpoints and an exported SavedModel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx.dsl.components.base import base_component
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.utils import json_utils, proto_utils

from tfx_estimators.components.cache_key import complete_cache_keys
from tfx_estimators.components.executor_specs import LazyExecutorSpec
from tfx_estimators.components.metadata_driver import MetadataDriver
from tfx_estimators.components.trainer.checkpoints.retention import Retention
from tfx_estimators.components.trainer.checkpoints.retention import to_json as retention_to_json
from tfx_estimators.components.trainer.contracts.precedence import (
    Contract,
    check_channels,
    check_distribution,
    find_contract,
)
from tfx_estimators.components.trainer.contracts.settings import (
    check_custom_config,
    default_retention,
)
from tfx_estimators.components.trainer.spec import EstimatorTrainerSpec
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.estimator.distribution import Policy

__all__ = ["EstimatorTrainer"]


class EstimatorTrainer(base_component.BaseComponent):
    """Trains an estimator and exports it.

    The module follows one of three contracts; the first that it satisfies is used.

    1.  `run_fn(fn_args)`, as TFX's Trainer calls it.
    2.  `trainer_fn(fn_args, schema)`, as TFX's Estimator executor called it until
        TFX 1.15. It returns a dict with `estimator`, `train_spec`, `eval_spec` and
        optionally `eval_input_receiver_fn`, which is called once and recorded in
        `model_run` as `eval_input_receiver.json`. An EvalSavedModel is not written:
        nothing reads one any more, `EstimatorEvaluator` evaluates the `predict`
        signature. The newest export of the first exporter in `eval_spec` is published.
    3.  `feature_columns()` and `estimator_fn(columns, config, params)`, after a
        `FeatureColumnTransform` over the same module. `columns` is what
        `feature_columns` returned, rewritten for the transformed examples; `config` is
        a `RunConfig` to be passed to the estimator; `params` is `custom_config` with
        the hyperparameters' values over it. Two functions may be added:
        `input_fn(files, feature_spec, label_key, batches)`, called as
        `estimator.input_fn.make_input_fn` is but returning what an Estimator's
        `input_fn` returns, and `serving_input_receiver_fn(transform_output)`, given a
        `tft.TFTransformOutput`.

    Outputs are those of TFX's Trainer. `model` holds `Format-Serving/`, a SavedModel
    whose signatures take serialized raw tf.Examples: `predict` under the input name
    "examples"; `serving_default`, `classification` and `regression`, where the
    estimator has them, under "inputs" as TensorFlow Serving's APIs prescribe.
    `model_run` holds the checkpoints and the summaries for TensorBoard.

    Args:
        examples: Examples; with contract 3 the transformed ones.
        transform_graph: TransformGraph; contract 3 needs it.
        feature_columns: FeatureColumns; contract 3 needs it.
        schema: Schema of the raw examples; contract 2 needs it.
        base_model: Model to start from, made by an EstimatorTrainer with contract 3. Contract
            3 initializes every trainable variable from it, each row by what it stands for,
            unless the estimator has a warm start of its own; the others get its path as
            `fn_args.base_model`.
        hyperparameters: HyperParameters, as TFX's Tuner writes them.
        module_file: path of the module; or
        module_path: its dotted name.
        label_key: the label among the transformed features; by default the one that
            the transform was given.
        train_args: splits (default "train") and steps to train. Without steps,
            contract 3 trains on one pass over the data.
        eval_args: splits (default "eval") and steps of each evaluation; without steps
            contract 3 evaluates on all of the data.
        custom_config: JSON-like values for the module. Contract 3 reads these:
            `batch_size` (int, default 256), `seed` (int; makes the initial weights,
            those of Keras layers too, and the order of the examples reproducible; seeds
            Python's and NumPy's generators while the model is trained) and `run_config` (a dict of
            `RunConfig` arguments, such as `save_checkpoints_steps`).
        checkpoint_store: folder of all trainings' checkpoints, on any file system of
            `tf.io.gfile`; by default `checkpoints` below the pipeline's root, or where
            the environment variable TFX_ESTIMATORS_CHECKPOINTS says. It lies outside
            the step's outputs: an interrupted training goes on from there, see
            `tfx-estimators docs checkpoints`.
        retention: which checkpoints are kept there, a list of `KeepLast`, `KeepEvery`,
            `KeepBest` and policies of your own; by default the last 5. For contract 3:
            with the others `RunConfig(keep_checkpoint_max=...)` of the module says.
        distribution: devices and processes to train on, e.g. `MultiWorker(workers=2)` of
            `tfx_estimators.estimator.distribution`; by default this process, on whatever
            devices TensorFlow picks. See `tfx-estimators docs distribution`.
        fresh: any text. Trainings with another one have nothing in common: a new one
            begins a training anew that would else go on, or be taken from the cache.
        extend: go on from a finished training of this step that differs in the number of
            steps alone, which has grown. Without one the step fails with a TrainingError that
            says what else differs. The batches that it trained on are not read again, as
            where an interrupted training goes on.

    Raises:
        UserModuleError: if the module cannot be found or parsed.
        ModuleContractError: if it satisfies none of the contracts.
        PipelineError: if its contract needs a channel that is not given.
        UnsupportedOptionError: if `custom_config` cannot be used.
    """

    SPEC_CLASS = EstimatorTrainerSpec
    EXECUTOR_SPEC = LazyExecutorSpec("tfx_estimators.components.trainer.executor.TrainerExecutor")
    DRIVER_CLASS = MetadataDriver

    def __init__(
        self,
        *,
        examples: BaseChannel,
        transform_graph: BaseChannel | None = None,
        feature_columns: BaseChannel | None = None,
        schema: BaseChannel | None = None,
        base_model: BaseChannel | None = None,
        hyperparameters: BaseChannel | None = None,
        module_file: str | None = None,
        module_path: str | None = None,
        label_key: str | None = None,
        train_args: trainer_pb2.TrainArgs | None = None,
        eval_args: trainer_pb2.EvalArgs | None = None,
        custom_config: Mapping[str, Any] | None = None,
        checkpoint_store: str | None = None,
        retention: Sequence[Retention] | None = None,
        distribution: Policy | None = None,
        fresh: str | None = None,
        extend: bool = False,
    ) -> None:
        complete_cache_keys()
        module = UserModule.find(module_file, module_path)
        module.require([contract.value for contract in Contract], of="EstimatorTrainer")
        channels = {
            "examples": examples,
            "transform_graph": transform_graph,
            "feature_columns": feature_columns,
            "schema": schema,
            "base_model": base_model,
            "hyperparameters": hyperparameters,
        }
        names = module.names()
        contract = None if names is None else find_contract(names)
        if contract is not None:  # else only running the module tells
            given = [key for key, channel in channels.items() if channel is not None]
            check_channels(contract, given, module.name)
            if retention is not None and contract is not Contract.COLUMNS:
                raise UnsupportedOptionError(
                    f"EstimatorTrainer: retention={retention!r} with {module.name}",
                    expected="a module with feature_columns and estimator_fn",
                    fix="pass keep_checkpoint_max to the module's RunConfig",
                )
            if distribution is not None:
                steps = (train_args or trainer_pb2.TrainArgs()).num_steps or None
                check_distribution(contract, distribution, steps, module.name)
        check_custom_config(custom_config or {})
        if retention is None and contract is Contract.COLUMNS:
            retention = default_retention(custom_config or {})
        super().__init__(
            spec=EstimatorTrainerSpec(
                **channels,
                **module.exec_properties(),
                label_key=label_key,
                train_args=proto_utils.proto_to_json(train_args or trainer_pb2.TrainArgs()),
                eval_args=proto_utils.proto_to_json(eval_args or trainer_pb2.EvalArgs()),
                custom_config=json_utils.dumps(dict(custom_config or {})),
                checkpoint_store=checkpoint_store,
                retention=None if retention is None else retention_to_json(retention),
                distribution=None if distribution is None else distribution.to_json(),
                fresh=fresh,
                extend=1 if extend else None,
                model=Channel(type=standard_artifacts.Model),
                model_run=Channel(type=standard_artifacts.ModelRun),
            )
        )
