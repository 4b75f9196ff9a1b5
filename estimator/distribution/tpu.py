"""Why no Estimator trains on a TPU, said before anything is built."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["NOT_ON_TPU", "refuse_tpu_strategies"]

NOT_ON_TPU = (
    "another strategy: TensorFlow's TPUStrategy does not support Estimators "
    "(https://www.tensorflow.org/guide/distributed_training), and TPUEstimator was "
    "removed with TensorFlow 2.16"
)

_PLACES = ("train_distribute", "eval_distribute")


def refuse_tpu_strategies(module: Any) -> None:
    """Makes `RunConfig` refuse every kind of TPUStrategy, wherever one is handed to it.

    Upstream takes one and fails much later, in the middle of building the graph.

    Args:
        module: the estimator package's `run_config`.
    """
    init = module.RunConfig.__init__
    parameters = inspect.signature(init)

    @functools.wraps(init)
    def checked(*args: Any, **kwargs: Any) -> None:
        given = parameters.bind(*args, **kwargs).arguments
        wrapped = given.get("experimental_distribute")
        for place in _PLACES:
            _check(place, given.get(place))
            _check(f"experimental_distribute.{place}", getattr(wrapped, place, None))
        init(*args, **kwargs)

    module.RunConfig.__init__ = checked


def _check(place: str, strategy: object) -> None:
    # By name, as upstream does: the class need not be importable.
    kinds = [kind.__name__ for kind in type(strategy).__mro__]
    if any(kind.startswith("TPUStrategy") for kind in kinds):
        raise UnsupportedOptionError(
            f"RunConfig({place}={kinds[0]})",
            expected=NOT_ON_TPU,
            fix="use MirroredStrategy or MultiWorkerMirroredStrategy on GPUs or CPUs, or "
            "write the model in Keras for TPUs",
        )
