"""The contracts of TFX's own Trainer: `run_fn` and `trainer_fn`.

Importing this module imports `tfx.components`, for the `FnArgs` that modules expect.
"""

from __future__ import annotations

import pathlib
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.trainer import fn_args_utils
from tfx.utils import io_utils, path_utils

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.examples_model import (
    adopt_examples_model,
    export_examples_model,
)
from tfx_estimators.components.trainer.checkpoints.eval_receiver import record_eval_receiver
from tfx_estimators.components.trainer.checkpoints.exports import date_back, list_exports
from tfx_estimators.components.trainer.checkpoints.training_folder import going_on_in
from tfx_estimators.components.trainer.request import TrainingRequest
from tfx_estimators.components.trainer.session.data_errors import explained_data_errors
from tfx_estimators.components.trainer.session.export import (
    forget_own_export,
    publish_newest_export,
    publish_own_export,
)
from tfx_estimators.components.trainer.session.loop import check_estimator, train_and_evaluate
from tfx_estimators.components.trainer.session.resumption import going_on
from tfx_estimators.components.trainer.session.role import Role
from tfx_estimators.errors import EstimatorTypeError, UnsupportedOptionError

__all__ = ["call_run_fn", "call_trainer_fn"]

_SECONDS_OF_CLOCKS = 2.0  # A file system's may be coarse.


def call_run_fn(module: Any, request: TrainingRequest) -> None:
    """Calls `run_fn(fn_args)`, which trains and saves by itself.

    Raises:
        TrainingError: if it saved no model.
    """
    fn_args = _fn_args(request)
    # In the store: a module may train there too, and goes on from its checkpoints.
    fn_args.serving_model_dir = path_utils.serving_model_dir(request.model_run_dir)
    forget_own_export(fn_args.serving_model_dir)
    date_back(fn_args.serving_model_dir, int(time.time()))
    before = list_exports(fn_args.serving_model_dir)
    with explained_data_errors(_checked_files(request), request.label_key):
        module.run_fn(fn_args)
    publish_own_export(fn_args.serving_model_dir, request.serving_dir, before)
    adopt_examples_model([request.model_run_dir, request.eval_dir], request.serving_dir)


def call_trainer_fn(module: Any, request: TrainingRequest, role: Role) -> None:
    """Calls `trainer_fn(fn_args, schema)` and trains what it returns.

    Where it is one of several processes, TF_CONFIG is set when the function is called, and
    the function has to give its RunConfig the strategy.

    Raises:
        EstimatorTypeError: if it returns something else than its contract says.
        NanLossError, TrainingError: if training fails.
    """
    fn_args = _fn_args(request)
    # The module trains and exports here; what is exported is published afterwards.
    fn_args.serving_model_dir = path_utils.serving_model_dir(request.model_run_dir)
    fn_args.eval_model_dir = path_utils.eval_model_dir(request.model_run_dir)
    schema = None
    if request.schema_file is not None:
        schema = io_utils.parse_pbtxt_file(request.schema_file, schema_pb2.Schema())
    began = time.time()
    returned = module.trainer_fn(fn_args, schema)
    _check_returned(returned)
    estimator = _with_model_dir(returned["estimator"], fn_args.serving_model_dir, began)
    # After the function: its strategy may have to come before anything is read.
    files = _checked_files(request)
    if role.leads and returned.get("eval_input_receiver_fn") is not None:
        record_eval_receiver(returned["eval_input_receiver_fn"], request.model_run_dir)
    if role.leads:
        date_back(estimator.model_dir, int(began))
    before = list_exports(estimator.model_dir)
    with (
        going_on_in(request.training, estimator.model_dir, leads=role.leads) as training,
        explained_data_errors(files, request.label_key),
    ):
        train_spec = returned["train_spec"]
        done = training.start.own_steps
        if request.distribution is not None:
            done = request.distribution.batches_by(done)
        input_fn = going_on(train_spec.input_fn, done)
        train_and_evaluate(
            estimator,
            train_spec._replace(input_fn=input_fn),
            returned["eval_spec"],
            training,
            role=role,
            policy=request.distribution,
        )
    if not role.exports:
        return
    publish_newest_export(estimator, returned["eval_spec"], request.serving_dir, before)
    if returned.get("eval_input_receiver_fn") is not None:
        export_examples_model(estimator, returned["eval_input_receiver_fn"], request.serving_dir)


def _with_model_dir(estimator: Any, model_dir: str, began: float) -> Any:
    """The estimator, with a folder in the store where it would have used a temporary one.

    An Estimator that is told of no model_dir makes a temporary folder, which nobody would
    find again. Private names: `Estimator._model_dir` and `_config`, seen in
    tensorflow-estimator 2.15.
    """
    folder = pathlib.Path(estimator.model_dir)
    temporary = (
        folder.parent == pathlib.Path(tempfile.gettempdir())
        and folder.is_dir()
        and not any(folder.iterdir())
        and folder.stat().st_ctime >= began - _SECONDS_OF_CLOCKS
    )
    if temporary:
        folder.rmdir()
        estimator._model_dir = model_dir
        estimator._config = estimator.config.replace(model_dir=model_dir)
    return estimator


def _fn_args(request: TrainingRequest) -> fn_args_utils.FnArgs:
    fn_args = fn_args_utils.get_common_fn_args(
        {key: list(artifacts) for key, artifacts in request.inputs.items()},
        dict(request.properties),
    )
    fn_args.transform_output = fn_args.transform_graph_path
    fn_args.schema_file = fn_args.schema_path
    fn_args.serving_model_dir = request.serving_dir
    fn_args.eval_model_dir = request.eval_dir
    fn_args.model_run_dir = request.model_run_dir
    fn_args.hyperparameters = request.hyperparameters
    return fn_args


def _checked_files(request: TrainingRequest) -> list[str]:
    try:
        return [*request.train_files(), *request.eval_files()]
    except UnsupportedOptionError:
        # Other formats are the module's to read, through fn_args.data_accessor.
        return []


def _check_returned(returned: Any) -> None:
    expected = 'a dict with "estimator", "train_spec" and "eval_spec"'
    if not isinstance(returned, Mapping):
        raise EstimatorTypeError(
            f"trainer_fn returned {type(returned).__qualname__}",
            expected=expected,
            fix="return such a dict",
        )
    check_estimator(
        returned.get("estimator"), function='trainer_fn["estimator"]', expected=expected
    )
    kinds: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("train_spec", tf_estimator.TrainSpec),
        ("eval_spec", tf_estimator.EvalSpec),
    )
    for key, kind in kinds:
        if not isinstance(returned.get(key), kind):  # type: ignore[arg-type]
            raise EstimatorTypeError(
                f"trainer_fn returned {key}={returned.get(key)!r}",
                expected=expected,
                fix=f"return a tf_estimator.{kind.__name__} under {key!r}",
            )
    if not returned["eval_spec"].exporters:
        raise EstimatorTypeError(
            "trainer_fn returned an eval_spec without exporters, so no model would be exported",
            expected="an exporter that writes a SavedModel",
            fix="pass exporters=[tf_estimator.FinalExporter('serving', serving_receiver_fn)] to "
            "the EvalSpec",
        )
