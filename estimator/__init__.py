"""TensorFlow's Estimator API, on TensorFlow 2.15 to 2.21.

Everything that `tf.estimator` held in TensorFlow 2.15 is here under the same name:

    from tfx_estimators import estimator as tf_estimator
    from tfx_estimators.estimator import LinearClassifier

`v1` holds what `tf.compat.v1.estimator` held, and `columns` the feature columns that are
learned from data. `activate()` restores `tf.estimator` itself for modules that use it.

Importing this package imports no TensorFlow; using one of its names does. The import puts
a finder on `sys.meta_path`, so that from then on `tensorflow_estimator` can be imported by
anybody in the process, objects that were pickled by reference to it included.

Private module: `tensorflow_estimator.python.estimator.api`, seen in tensorflow-estimator 2.15.

* `activation`: giving TensorFlow its Estimator API back, for modules that look for it there.
* `autograph`: keeps AutoGraph off Keras 2, as on TensorFlow 2.15.
* `beam_plugin`: readies Beam's worker processes:
  `--beam_plugin=tfx_estimators.estimator.beam_plugin`.
* `best_export`: a BestExporter that knows after a restart what the best model was.
* `checkpoints`: checkpoints on disk: found, read to their end, and which of them is to be
  restored.
* `columns`: feature columns on Beam: columns that learn, and the compile step.
* `distribution`: training on more than one device or process.
* `eager`: eager execution where our own code computes with values.
* `fetches`: what a session's run fetches, worked out once for each form of fetches.
* `graphs`: what is computed from what in a TensorFlow graph.
* `input_fn`: the default input function: batches of parsed tf.Examples from TFRecord files.
* `keras_2_modules`: which modules of the process see Keras 2 as their `tf.keras`.
* `keras_3`: Keras 3 models for `model_to_estimator`.
* `keras_3_import`: TensorFlow's import without Keras 3, which is imported when it is used.
* `keras_export`: canned estimators as Keras 3 models.
* `later_finders`: what the other finders on `sys.meta_path` find, and who imports.
* `loading`: loading the estimator package, and modules that use it, over a TensorFlow without it.
* `namespace`: module-like namespaces that load what they name at its first use.
* `old_paths`: private modules that TensorFlow lost with its estimators, under their old names.
* `removed`: what TensorFlow no longer contains: named when imported, refused when used.
* `repairs`: what is put right in modules of the estimator package once they have run.
* `serving`: serving input receivers: serialized raw tf.Examples through a transform function.
* `step_loops`: several steps of a training in one session call.
* `tensorflow_version`: which TensorFlow this is, and whether the runtime knows it.
* `tensorflow_view`: the TensorFlow that the estimator package sees.
* `v1`: what `tf.compat.v1.estimator` held in TensorFlow 2.15, under the same names.
* `wrapped_loader`: a loader of modules around another one, for finders that change how a module is
  run.
* `zero_fractions`: the fractions of zeros that canned models write into their summaries, without
  branches.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfx_estimators.estimator import loading as _loading
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

_loading.install_finder()


def __getattr__(name: str) -> Any:
    # Modules of this package are looked up here before they are imported.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _OWN:
        return importlib.import_module(f"{__name__}.{name}")
    value = getattr(_loading.load(_loading.V2_API), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
