"""What is put right in modules of the estimator package once they have run.

Each repair is named after the module it is for.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from tfx_estimators.errors import EstimatorTypeError
from tfx_estimators.estimator import removed, tensorflow_view

__all__ = ["repair"]

_PREFIX = "tensorflow_estimator.python.estimator."


def repair(module: types.ModuleType) -> None:
    """Puts right what needs it in a module of the package."""
    if not module.__name__.startswith(_PREFIX):
        return
    mend = _REPAIRS.get(module.__name__.removeprefix(_PREFIX))
    if mend is not None:
        mend(module)


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


def _refuse_tpu_estimator(module: Any) -> None:
    module.TPUEstimator.__init__ = _refusing(
        module.TPUEstimator.__init__, "tf.compat.v1.estimator.tpu.TPUEstimator"
    )


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


def _refuse_keras_3_models(module: Any) -> None:
    convert = module.model_to_estimator

    @functools.wraps(convert)
    def model_to_estimator(keras_model: Any = None, *args: Any, **kwargs: Any) -> Any:
        if keras_model is not None and _is_keras_3(keras_model):
            raise EstimatorTypeError(
                f"the model {getattr(keras_model, 'name', keras_model)!r} is a Keras 3 model",
                expected="a Keras 2 model: estimators train in TensorFlow 1 graphs, "
                "which Keras 3 layers cannot build",
                fix="make the model with tf_keras: `import tf_keras` "
                "and tf_keras.layers, tf_keras.Model in place of tf.keras",
            )
        return convert(keras_model, *args, **kwargs)

    module.model_to_estimator = model_to_estimator


def _refuse_keras_3_optimizers(module: Any) -> None:
    choose = module.get_optimizer_instance_v2

    @functools.wraps(choose)
    def get_optimizer_instance_v2(opt: Any, *args: Any, **kwargs: Any) -> Any:
        if callable(opt):
            opt = opt()
        if _is_keras_3(opt):
            name = type(opt).__name__
            raise EstimatorTypeError(
                f"the optimizer {name} is a Keras 3 optimizer",
                expected="a Keras 2 optimizer, as estimators train in TensorFlow 1 graphs",
                fix=f"use tf_keras.optimizers.legacy.{name}, or its name in quotes",
            )
        return choose(opt, *args, **kwargs)

    module.get_optimizer_instance_v2 = get_optimizer_instance_v2


def _is_keras_3(instance: Any) -> bool:
    """Whether an object comes from the `keras` package: on TensorFlow 2.16+ that is Keras 3."""
    return any(base.__module__.partition(".")[0] == "keras" for base in type(instance).__mro__)


_REPAIRS: dict[str, Callable[[types.ModuleType], None]] = {
    "canned.baseline": _start_baselines_before_the_data,
    "canned.optimizers": _refuse_keras_3_optimizers,
    "estimator_export": _say_nothing_of_deprecation,
    "keras_lib": _refuse_keras_3_models,
    "tpu._tpu_estimator_embedding": _refuse_tpu_embedding,
    "tpu.tpu_estimator": _refuse_tpu_estimator,
    "util": _name_keras_2,
}
