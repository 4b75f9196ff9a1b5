"""What is put right in modules of the estimator package once they have run.

Each repair is named after the module it is for.

Private names: `baseline._get_batch_size_and_size_checks`, `dnn._DNNModel`, `dnn._DNNModelV2`,
`linear._compute_fraction_of_zero` and `linear.fc_v2._create_weighted_sum`, seen in
tensorflow-estimator 2.15.
"""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

from tfx_estimators.errors import EstimatorTypeError, RemovedFromTensorFlowError
from tfx_estimators.estimator import removed, tensorflow_view
from tfx_estimators.estimator.keras_3 import conversion, saved_models, variables

__all__ = ["repair", "repair_loaded"]

_PREFIX = "tensorflow_estimator.python.estimator."
_REPAIRED = "_repaired_by_tfx_estimators"


def repair(module: types.ModuleType, *, own_estimators: bool = False) -> None:
    """Puts right what needs it in a module of the package.

    Args:
        module: has just run.
        own_estimators: whether TensorFlow ships with estimators: then there are only
            upstream's faults to put right.
    """
    if not module.__name__.startswith(_PREFIX):
        return
    name = module.__name__.removeprefix(_PREFIX)
    for repairs in (_FAULTS,) if own_estimators else (_FAULTS, _SEAMS):
        if name in repairs:
            repairs[name](module)
            vars(module)[_REPAIRED] = True


def repair_loaded() -> None:
    """Puts upstream's faults right in modules that TensorFlow's own estimators have loaded.

    Those that are loaded later come through `package.py`. For TensorFlow 2.15.
    """
    for name in _FAULTS:
        module = sys.modules.get(_PREFIX + name)
        if module is not None and _REPAIRED not in vars(module):
            repair(module, own_estimators=True)


def _start_baselines_before_the_data(module: Any) -> None:
    """Makes the batch size, not the bias, wait for the checks of the features' sizes.

    With a `tf.data` input the bias's initializer waited for an iterator that is only
    initialized after it, so that no BaselineEstimator trained (on TensorFlow 2.15 too).
    """
    check = module._get_batch_size_and_size_checks

    def get_batch_size_and_size_checks(features: Any, weight_column_key: Any) -> Any:
        checks, batch_size = check(features, weight_column_key)
        with module.tf.control_dependencies(checks):
            return [], module.tf.identity(batch_size)

    module._get_batch_size_and_size_checks = get_batch_size_and_size_checks


def _copy_functions_that_were_called(module: Any) -> None:
    """Lets `params` hold a `tf.function`, such as the normalizer of a column.

    An estimator copies its params for each call of the model function. A `tf.function` that
    has been called cannot be copied: the evaluation after the training failed (on TensorFlow
    2.15 too). It is shared instead, as Python's own functions are.
    """
    kind: Any = type(module.tf.function(lambda: None))
    if hasattr(kind, "__deepcopy__"):
        return

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        copied = memo[id(self)] = kind.__new__(kind)
        try:
            copied.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        except TypeError:
            memo[id(self)] = self
            return self
        return copied

    kind.__deepcopy__ = __deepcopy__


def _say_nothing_of_deprecation(module: Any) -> None:
    """Every estimator would tell its user to move to Keras: here it is not deprecated."""

    def deprecated(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        return lambda symbol: symbol

    module.deprecation = types.SimpleNamespace(deprecated=deprecated)


def _name_keras_2(module: Any) -> None:
    """Only the nightly's `util` names them; its other modules import them from there."""
    module.tf_keras = tensorflow_view.keras_2()
    module.tf_keras_v1 = tensorflow_view.keras_2_v1()
    module.tf_keras_v2 = tensorflow_view.keras_2()


def _refuse_tpus(module: Any) -> None:
    """On CPU and GPU a TPUEstimator needs nothing that was removed."""
    make = module.TPUEstimator.__init__
    signature = inspect.signature(make)

    @functools.wraps(make)
    def __init__(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        if given.arguments["use_tpu"]:
            raise RemovedFromTensorFlowError(
                "tf.compat.v1.estimator.tpu.TPUEstimator with use_tpu=True (the default) needs "
                "parts of TensorFlow that were removed in 2.16",
                expected="use_tpu=False, which trains on CPU or GPU",
                fix="pass use_tpu=False, or stay on TensorFlow 2.15 for TPUs",
            )
        make(*args, **kwargs)

    module.TPUEstimator.__init__ = __init__


def _refuse_tpu_embedding(module: Any) -> None:
    module.EmbeddingConfigSpec.__new__ = _refusing(
        module.EmbeddingConfigSpec.__new__,
        "tf.compat.v1.estimator.tpu.experimental.EmbeddingConfigSpec",
    )


def _refusing(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def refuse(*args: Any, **kwargs: Any) -> None:
        removed.refuse(name)

    return refuse


def _convert_keras_3_models(module: Any) -> None:
    convert = module.model_to_estimator

    @functools.wraps(convert)
    def model_to_estimator(
        keras_model: Any = None, keras_model_path: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        if keras_model is None and keras_model_path:
            keras_model = saved_models.load(keras_model_path)
            keras_model_path = keras_model_path if keras_model is None else None
        if keras_model is not None and conversion.is_keras_3(keras_model):
            keras_model = conversion.in_keras_2(keras_model)
        return convert(keras_model, keras_model_path, *args, **kwargs)

    module.model_to_estimator = model_to_estimator


def _refuse_keras_3_variables(module: Any) -> None:
    call = module.Estimator._call_model_fn

    @functools.wraps(call)
    def _call_model_fn(self: Any, *args: Any, **kwargs: Any) -> Any:
        with variables.refused_keras_3_variables():
            return call(self, *args, **kwargs)

    module.Estimator._call_model_fn = _call_model_fn


def _train_in_looping_sessions(module: Any) -> None:
    """Its trainings ask TensorFlow's training module for a session."""

    def make() -> Any:
        from tfx_estimators.estimator.step_loops import looping_session

        return looping_session.looping(training.MonitoredTrainingSession)

    training = module.training
    module.training = tensorflow_view.View(training, {"MonitoredTrainingSession": make})


def _repair_estimator(module: Any) -> None:
    _refuse_keras_3_variables(module)
    _train_in_looping_sessions(module)


def _refuse_keras_3_optimizers(module: Any) -> None:
    choose = module.get_optimizer_instance_v2

    @functools.wraps(choose)
    def get_optimizer_instance_v2(opt: Any, *args: Any, **kwargs: Any) -> Any:
        if callable(opt):
            opt = opt()
        if conversion.is_keras_3(opt):
            name = type(opt).__name__
            raise EstimatorTypeError(
                f"the optimizer {name} is a Keras 3 optimizer",
                expected="a Keras 2 optimizer: estimators train in TensorFlow 1 graphs",
                fix=f"use tf_keras.optimizers.legacy.{name}, or its name in quotes",
            )
        return choose(opt, *args, **kwargs)

    module.get_optimizer_instance_v2 = get_optimizer_instance_v2


def _spare_operations_of_linear_models(module: Any) -> None:
    """Their layer asks TensorFlow's column module for weighted sums."""

    @functools.wraps(module._compute_fraction_of_zero)
    def fraction_of_zeros(variables: Any) -> Any:
        return _zero_fractions().of_weights(variables)

    module._compute_fraction_of_zero = fraction_of_zeros
    module.fc_v2 = tensorflow_view.View(
        module.fc_v2, {"_create_weighted_sum": lambda: _lookups().weighted_sum}
    )


def _spare_operations_of_dnns(module: Any) -> None:
    _count_zeros_without_branches(module)
    for name in ("_DNNModel", "_DNNModelV2"):
        model = getattr(module, name)
        model.__init__ = _with_direct_lookups(model.__init__)


def _with_direct_lookups(make: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(make)

    @functools.wraps(make)
    def __init__(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs)
        columns = given.arguments["feature_columns"]
        given.arguments["feature_columns"] = _lookups().looked_up_directly(columns)
        make(*given.args, **given.kwargs)

    return __init__


def _count_zeros_without_branches(module: Any) -> None:
    """For the summaries of layers."""
    fractions = {"zero_fraction": lambda: _zero_fractions().of_values}
    math = tensorflow_view.View(module.tf.math, fractions)
    module.tf = tensorflow_view.View(module.tf, {"math": lambda: math})


def _lookups() -> Any:
    from tfx_estimators.estimator.columns import lookups

    return lookups


def _zero_fractions() -> Any:
    from tfx_estimators.estimator import zero_fractions

    return zero_fractions


def _refuse_tpu_strategies(module: Any) -> None:
    from tfx_estimators.estimator.distribution import tpu

    tpu.refuse_tpu_strategies(module)


def _remember_the_best(module: Any) -> None:
    from tfx_estimators.estimator import best_export

    best_export.remember_the_best(module)


_FAULTS: dict[str, Callable[[types.ModuleType], None]] = {
    "canned.baseline": _start_baselines_before_the_data,
    "estimator": _copy_functions_that_were_called,
    "exporter": _remember_the_best,
    "run_config": _refuse_tpu_strategies,
}
"""Wrong on TensorFlow 2.15 too."""

_SEAMS: dict[str, Callable[[types.ModuleType], None]] = {
    "canned.dnn": _spare_operations_of_dnns,
    "canned.dnn_linear_combined": _count_zeros_without_branches,
    "canned.linear": _spare_operations_of_linear_models,
    "canned.optimizers": _refuse_keras_3_optimizers,
    "estimator": _repair_estimator,
    "estimator_export": _say_nothing_of_deprecation,
    "keras_lib": _convert_keras_3_models,
    "tpu._tpu_estimator_embedding": _refuse_tpu_embedding,
    "tpu.tpu_estimator": _refuse_tpus,
    "util": _name_keras_2,
}
