"""TensorFlow's Estimator API, on TensorFlow 2.15 to 2.21.

Everything that `tf.estimator` held in TensorFlow 2.15 is here under the same name:

    from tfx_estimators import estimator as tf_estimator
    from tfx_estimators.estimator import LinearClassifier

`v1` holds what `tf.compat.v1.estimator` held, and `columns` the feature columns that are
learned from data. `activate()` restores `tf.estimator` itself for modules that use it.

Importing this package imports no TensorFlow; using one of its names does. The import puts
a finder on `sys.meta_path`, so that from then on `tensorflow_estimator` can be imported by
anybody in the process, objects that were pickled by reference to it included.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfx_estimators.estimator import package as _package
from tfx_estimators.estimator.activation import activate

if TYPE_CHECKING:
    from tensorflow_estimator.python.estimator.api._v2.estimator import (
        BaselineClassifier,
        BaselineEstimator,
        BaselineRegressor,
        BestExporter,
        BinaryClassHead,
        CheckpointSaverHook,
        CheckpointSaverListener,
        DNNClassifier,
        DNNEstimator,
        DNNLinearCombinedClassifier,
        DNNLinearCombinedEstimator,
        DNNLinearCombinedRegressor,
        DNNRegressor,
        Estimator,
        EstimatorSpec,
        EvalSpec,
        Exporter,
        FeedFnHook,
        FinalExporter,
        FinalOpsHook,
        GlobalStepWaiterHook,
        Head,
        LatestExporter,
        LinearClassifier,
        LinearEstimator,
        LinearRegressor,
        LoggingTensorHook,
        LogisticRegressionHead,
        ModeKeys,
        MultiClassHead,
        MultiHead,
        MultiLabelHead,
        NanLossDuringTrainingError,
        NanTensorHook,
        PoissonRegressionHead,
        ProfilerHook,
        RegressionHead,
        RunConfig,
        SecondOrStepTimer,
        SessionRunArgs,
        SessionRunContext,
        SessionRunHook,
        SessionRunValues,
        StepCounterHook,
        StopAtStepHook,
        SummarySaverHook,
        TrainSpec,
        VocabInfo,
        WarmStartSettings,
        add_metrics,
        classifier_parse_example_spec,
        experimental,
        export,
        regressor_parse_example_spec,
        train_and_evaluate,
    )

    from tfx_estimators.estimator import columns, v1

__all__ = [
    "BaselineClassifier",
    "BaselineEstimator",
    "BaselineRegressor",
    "BestExporter",
    "BinaryClassHead",
    "CheckpointSaverHook",
    "CheckpointSaverListener",
    "DNNClassifier",
    "DNNEstimator",
    "DNNLinearCombinedClassifier",
    "DNNLinearCombinedEstimator",
    "DNNLinearCombinedRegressor",
    "DNNRegressor",
    "Estimator",
    "EstimatorSpec",
    "EvalSpec",
    "Exporter",
    "FeedFnHook",
    "FinalExporter",
    "FinalOpsHook",
    "GlobalStepWaiterHook",
    "Head",
    "LatestExporter",
    "LinearClassifier",
    "LinearEstimator",
    "LinearRegressor",
    "LoggingTensorHook",
    "LogisticRegressionHead",
    "ModeKeys",
    "MultiClassHead",
    "MultiHead",
    "MultiLabelHead",
    "NanLossDuringTrainingError",
    "NanTensorHook",
    "PoissonRegressionHead",
    "ProfilerHook",
    "RegressionHead",
    "RunConfig",
    "SecondOrStepTimer",
    "SessionRunArgs",
    "SessionRunContext",
    "SessionRunHook",
    "SessionRunValues",
    "StepCounterHook",
    "StopAtStepHook",
    "SummarySaverHook",
    "TrainSpec",
    "VocabInfo",
    "WarmStartSettings",
    "activate",
    "add_metrics",
    "classifier_parse_example_spec",
    "columns",
    "experimental",
    "export",
    "regressor_parse_example_spec",
    "train_and_evaluate",
    "v1",
]

_OWN = ("columns", "v1")

_package.install_finder()


def __getattr__(name: str) -> Any:
    # Modules of this package are looked up here before they are imported.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _OWN:
        return importlib.import_module(f"{__name__}.{name}")
    value = getattr(_package.load(_package.V2_API), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
