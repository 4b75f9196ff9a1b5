"""What is known of names that TFX 1.x pipelines with estimators use.

The longest name that a use begins with decides. What "works" is tested: by
`tests/components/trainer/test_old_contracts.py`, `tests/estimator` and the docs that are
named here.
"""

from __future__ import annotations

import dataclasses
import enum

from tfx_estimators import estimator
from tfx_estimators.components.doctor.removed_names import removed_names

__all__ = ["RULES", "Rule", "Verdict", "find_rule", "plain_name"]


class Verdict(enum.Enum):
    """What has to be done about a use."""

    WORKS = "works"
    CHANGE = "change"
    GONE = "gone"


@dataclasses.dataclass(frozen=True)
class Rule:
    """What is known of a name and all below it.

    Attributes:
        verdict: whether it works as it is.
        why: what became of it.
        instead: the change; "" where none is needed.
        settled_by: what, used in the same file, makes the rule void.
    """

    verdict: Verdict
    why: str
    instead: str = ""
    settled_by: str = ""


def _works(why: str) -> Rule:
    return Rule(Verdict.WORKS, why)


def _change(why: str, instead: str) -> Rule:
    return Rule(Verdict.CHANGE, why, instead)


def _gone(why: str, instead: str) -> Rule:
    return Rule(Verdict.GONE, why, instead)


def _removed(instead: str) -> Rule:
    return _gone("was removed in TensorFlow 2.0", instead)


_RECORDED = _works(
    "is called and recorded; EstimatorEvaluator takes its label where it is a feature"
)
_TPU = _gone(
    "needs parts of TensorFlow that were removed in 2.16",
    "TPUEstimator(use_tpu=False) without embedding_config_spec, which runs on CPU and GPU",
)
_BOOSTED_TREES = _gone(
    "was removed in TensorFlow 2.14 or before",
    "another estimator, or TensorFlow Decision Forests outside of estimators",
)
_UNKNOWN_ESTIMATOR = _gone(
    "is not in TensorFlow 2's tf.estimator", "look for it in tf.compat.v1.estimator"
)
_RUNNER = _change(
    "runs on one vendor's backend, or on Kubeflow Pipelines 1",
    "tfx_estimators.kubeflow.runner.KubeflowRunner, or tfx-estimators compile",
)
_TFMA_PROTOS = _change(
    "is not exported by TFMA 0.52 and later",
    "from tensorflow_model_analysis.proto import config_pb2",
)
_RESOLVER = _change(
    "was removed in TFX 1.0",
    "tfx.dsl.components.common.resolver.Resolver(strategy_class=LatestBlessedModelStrategy, ...)",
)
_STRATEGY = _works(
    "works unchanged on the local runners; compiled for Kubeflow a Resolver takes "
    "LatestBlessedModelStrategy alone"
)
_PLUGIN = "--beam_plugin=tfx_estimators.estimator.beam_plugin"
_EVAL_SIGNATURE = _change(
    "names the EvalSavedModel, which is no longer written",
    "leave signature_name out: predict is evaluated",
)

_SERVING_SIGNATURE = _change(
    "gives a classifier's classes and scores, which do not tell what to measure",
    "leave signature_name out: predict is evaluated, or a Keras model's serving_default",
)

RULES: dict[str, Rule] = {
    **{name: _removed(instead) for name, instead in removed_names().items()},
    # The model's module.
    "tensorflow.estimator": _works("is put back before the module is imported"),
    "tensorflow.compat.v1.estimator": _works("is put back before the module is imported"),
    "tensorflow_estimator": _works("is loaded over TensorFlow 2.15 and later"),
    "tensorflow.keras.estimator": _works("is put back before the module is imported"),
    "tensorflow.keras": _works("is Keras 2 (tf_keras) inside the module"),
    "tensorflow.compat.v1.keras": _works("is Keras 2 (tf_keras) inside the module"),
    "tensorflow.feature_column": _works("moves to Beam where it can: FeatureColumnTransform"),
    "tensorflow.compat.v1.feature_column": _works("moves to Beam where it can"),
    "tensorflow_transform": _works("works unchanged"),
    "tensorflow_model_analysis.export.EvalInputReceiver": _RECORDED,
    "tensorflow_model_analysis.export.build_parsing_eval_input_receiver_fn": _RECORDED,
    "tensorflow_model_analysis.export.export_eval_savedmodel": _works(
        "records the receiver and writes no EvalSavedModel, which no TFMA reads any longer"
    ),
    "tensorflow_model_analysis.export": _gone(
        "was removed from TFMA with EvalSavedModel",
        "EvalInputReceiver, build_parsing_eval_input_receiver_fn and export_eval_savedmodel work",
    ),
    "tensorflow_model_analysis.eval_saved_model": _gone(
        "was removed from TFMA with EvalSavedModel",
        "leave it out: EstimatorEvaluator reads the exported SavedModel",
    ),
    "tensorflow_model_analysis.eval_metrics_graph": _gone(
        "was removed from TFMA with EvalSavedModel",
        "leave it out: EstimatorEvaluator reads the exported SavedModel",
    ),
    "tensorflow_model_analysis.exporter": _gone(
        "was removed from TFMA with EvalSavedModel",
        "tf.estimator.LatestExporter or FinalExporter, with the serving receiver",
    ),
    "tensorflow_model_analysis.post_export_metrics": _gone(
        "was removed from TFMA with EvalSavedModel", "metrics_specs in the eval_config"
    ),
    "tensorflow_model_analysis.model_agnostic_eval": _gone(
        "was removed from TFMA", "an eval_config whose prediction_key is a feature"
    ),
    "tensorflow_model_analysis.evaluators.MetricsAndPlotsEvaluator": _gone(
        "was removed from TFMA",
        "tensorflow_model_analysis.evaluators.MetricsPlotsAndValidationsEvaluator",
    ),
    "tensorflow_model_analysis.addons": _gone(
        "was removed from TFMA", "ConfusionMatrixAtThresholds in the eval_config, by slices"
    ),
    "tensorflow_model_analysis.EvalConfig": _TFMA_PROTOS,
    "tensorflow_model_analysis.ModelSpec": _TFMA_PROTOS,
    "tensorflow_model_analysis.SlicingSpec": _TFMA_PROTOS,
    "tensorflow_model_analysis.MetricsSpec": _TFMA_PROTOS,
    "tensorflow_model_analysis.MetricConfig": _TFMA_PROTOS,
    "tensorflow_model_analysis.MetricThreshold": _TFMA_PROTOS,
    "tensorflow_model_analysis.GenericValueThreshold": _TFMA_PROTOS,
    "tensorflow_model_analysis.GenericChangeThreshold": _TFMA_PROTOS,
    "tensorflow_model_analysis.MetricDirection": _TFMA_PROTOS,
    "tensorflow_model_analysis.ModelSpec(signature_name='eval')": _EVAL_SIGNATURE,
    "tensorflow_model_analysis.proto.config_pb2.ModelSpec(signature_name='eval')": _EVAL_SIGNATURE,
    **{
        f"tensorflow_model_analysis.{proto}ModelSpec(signature_name='{name}')": _SERVING_SIGNATURE
        for proto in ("", "proto.config_pb2.")
        for name in ("serving_default", "classification")
    },
    **{
        f"tensorflow_model_analysis.{proto}ModelSpec({option})": _change(
            "is refused by EstimatorEvaluator", instead
        )
        for proto in ("", "proto.config_pb2.")
        for option, instead in (
            ("preprocessing_function_names", "leave it out: the transform graph is found"),
            ("prediction_keys", "leave it out: the heads' predictions are found by their names"),
            ("example_weight_keys", "example_weight_key"),
            ("padding_options", "leave it out"),
            ("inference_batch_size", "leave it out"),
        )
    },
    "tensorflow_model_analysis.SingleSlicingSpec": _change(
        "was removed from TFMA", "config_pb2.SlicingSpec in the eval_config"
    ),
    "tfx.components.trainer.executor.TrainerFnArgs": _works("is TFX's FnArgs"),
    "tfx.components.trainer.fn_args_utils": _works("works unchanged"),
    "tfx_bsl.public.tfxio": _works("works unchanged"),
    "tfx_bsl.tfxio": _works("works unchanged"),
    "tensorflow.estimator.inputs": _change(
        "is in TensorFlow 1's API only", "tf.compat.v1.estimator.inputs"
    ),
    **{
        f"tensorflow.{api}estimator.BoostedTrees{kind}": _BOOSTED_TREES
        for api in ("", "compat.v1.")
        for kind in ("Classifier", "Estimator", "Regressor")
    },
    "tensorflow.estimator.tpu": _change(
        "is in TensorFlow 1's API only", "tf.compat.v1.estimator.tpu"
    ),
    "tensorflow.compat.v1.estimator.tpu": _works("runs on CPU and GPU"),
    "tensorflow.compat.v1.estimator.tpu.experimental": _TPU,
    "tensorflow.compat.v1.estimator.tpu.TPUEstimator": Rule(
        Verdict.CHANGE,
        "runs on CPU and GPU only since TensorFlow 2.16",
        "pass use_tpu=False",
        settled_by="tensorflow.compat.v1.estimator.tpu.TPUEstimator(use_tpu=False)",
    ),
    "tensorflow.compat.v1.estimator.tpu.TPUEstimator(use_tpu=False)": _works("runs on CPU and GPU"),
    "tensorflow.distribute.TPUStrategy": _gone(
        "never supported Estimators", "MirroredStrategy on GPUs: tfx-estimators docs distribution"
    ),
    "tensorflow.distribute.experimental.TPUStrategy": _gone(
        "never supported Estimators", "MirroredStrategy on GPUs: tfx-estimators docs distribution"
    ),
    "tensorflow.distribute.ParameterServerStrategy": _change(
        "is refused by RunConfig", "tf.compat.v1.distribute.experimental.ParameterServerStrategy"
    ),
    "tensorflow.distribute.experimental.ParameterServerStrategy": _change(
        "is refused by RunConfig", "tf.compat.v1.distribute.experimental.ParameterServerStrategy"
    ),
    "keras": _change(
        "is Keras 3 in TensorFlow 2.16 and later, which estimators do not support",
        "tf.keras, or tf_keras; a Keras 3 model is converted where that keeps its outputs: "
        "tfx-estimators docs keras",
    ),
    "tensorflow.contrib": _gone("was removed in TensorFlow 2.0", "tf.estimator and tf.keras"),
    "tensorflow.flags": _removed("tf.compat.v1.flags"),
    **{
        f"tensorflow.{api}tpu.experimental.{optimizer}Parameters": _TPU
        for api in ("", "compat.v1.")
        for optimizer in ("Adagrad", "Adam", "Ftrl", "StochasticGradientDescent")
    },
    ".make_one_shot_iterator": _change(
        "is not a method of TensorFlow 2's datasets",
        "tf.compat.v1.data.make_one_shot_iterator(dataset)",
    ),
    ".make_initializable_iterator": _change(
        "is not a method of TensorFlow 2's datasets",
        "tf.compat.v1.data.make_initializable_iterator(dataset)",
    ),
    "tensorflow_transform.saved": _gone(
        "is private, and differs between versions of TensorFlow Transform",
        "tensorflow_transform.TFTransformOutput",
    ),
    # The pipeline's file.
    "tfx.components.Trainer": _change(
        "trains no estimators since TFX 1.16",
        "tfx_estimators.components.EstimatorTrainer(...).with_id('Trainer'), with the same module",
    ),
    **{
        f"tfx.components.Trainer({keyword})": _change(
            "is not an argument of EstimatorTrainer", instead
        )
        for keyword, instead in (
            ("transformed_examples", "examples=transform.outputs['transformed_examples']"),
            ("run_fn", "module_path='package.module', without the function"),
            ("trainer_fn", "module_path='package.module', without the function"),
        )
    },
    "tfx.components.Trainer(custom_executor_spec)": _change(
        "names an executor that was removed", "leave it out: EstimatorTrainer finds the contract"
    ),
    "tfx.components.trainer.component.Trainer": _change(
        "trains no estimators since TFX 1.16", "tfx_estimators.components.EstimatorTrainer"
    ),
    "tfx.components.trainer.rewriting.converters": _gone(
        "was removed in TFX 1.16", "tf.lite.TFLiteConverter, or tensorflowjs, on the pushed model"
    ),
    "tfx.components.trainer.executor": _change(
        "was removed or trains no estimators", "tfx_estimators.components.EstimatorTrainer"
    ),
    "tfx.components.Evaluator": _change(
        "takes no estimators since TFX 1.16",
        "tfx_estimators.components.EstimatorEvaluator(...).with_id('Evaluator'), with label_key "
        "unless the module has an eval_input_receiver_fn",
    ),
    "tfx.components.Evaluator(feature_slicing_spec)": _change(
        "was removed in TFX 1.0", "slicing_specs in the eval_config"
    ),
    "tfx.components.ModelValidator": _gone(
        "compares EvalSavedModels, which no TFMA reads any longer",
        "tfx_estimators.components.EstimatorEvaluator with thresholds",
    ),
    "tfx.components.Pusher": _change(
        "pushes any model, but not atomically and without trying it",
        "tfx_estimators.components.EstimatorPusher(...).with_id('Pusher'): the same channels; it "
        "may stay, too",
    ),
    "tfx.components.Pusher(infra_blessing)": _change(
        "is not an argument of EstimatorPusher", "examples=: the pusher itself tries the model"
    ),
    "tfx.components.Transform": _works("may stay, with its preprocessing_fn"),
    "tfx.components.ResolverNode": _RESOLVER,
    "tfx.components.common_nodes": _RESOLVER,
    "tfx.dsl.experimental.latest_artifacts_resolver": _STRATEGY,
    "tfx.dsl.experimental.latest_blessed_model_resolver": _STRATEGY,
    "tfx.dsl.experimental.spans_resolver": _STRATEGY,
    "tfx.dsl.experimental.LatestArtifactStrategy": _STRATEGY,
    "tfx.dsl.experimental.SpanRangeStrategy": _STRATEGY,
    "tfx.dsl.experimental.LatestBlessedModelStrategy": _works("works unchanged, on Kubeflow too"),
    "tfx.dsl.experimental": _works("works unchanged"),
    "tfx.components.base": _works("has aliases of what is in tfx.dsl.components.base"),
    "tfx.utils.dsl_utils": _gone(
        "was removed in TFX 1.0", "CsvExampleGen(input_base='data'), no external_input"
    ),
    "tfx.orchestration.kubeflow.kubeflow_dag_runner": _RUNNER,
    "tfx.orchestration.kubeflow.v2": _RUNNER,
    **{
        f"tfx.orchestration.experimental.{name}": _RUNNER
        for name in (
            "KubeflowDagRunner",
            "KubeflowDagRunnerConfig",
            "KubeflowV2DagRunner",
            "KubeflowV2DagRunnerConfig",
            "LABEL_KFP_SDK_ENV",
            "get_default_kubeflow_metadata_config",
        )
    },
    "tfx.orchestration.experimental.kubernetes": _gone(
        "was removed in TFX 1.16", "tfx-estimators compile, for Kubeflow Pipelines"
    ),
    "tfx.experimental.templates.taxi.models.estimator_model": _gone(
        "was removed in TFX 1.16", "the copy that tfx template copy made in your project"
    ),
    "tfx.extensions.google_cloud_ai_platform.trainer": _change(
        "trains on a vendor's service",
        "EstimatorTrainer(distribution=...): tfx-estimators docs kubeflow-jobs",
    ),
    "--direct_running_mode=multi_processing": Rule(
        Verdict.CHANGE,
        "starts processes that import the module without estimators",
        f"add {_PLUGIN!r}, unless tfx-estimators runs the pipeline",
        settled_by=_PLUGIN,
    ),
    "tfx.orchestration.local": _works("works unchanged"),
    "tfx.orchestration.beam.beam_dag_runner": _works("works unchanged"),
    "tfx.orchestration.beam.beam_runner": _gone(
        "was removed in TFX 0.15", "tfx.orchestration.beam.beam_dag_runner.BeamDagRunner"
    ),
}  # fmt: skip
"""By the beginning of full names, without `tfx.v1` and `tensorflow.compat.v2`."""


def plain_name(name: str) -> str:
    """A full name without what says which version of an API is meant."""
    for written, plain in (("tfx.v1.", "tfx."), ("tensorflow.compat.v2.", "tensorflow.")):
        if name.startswith(written):
            return plain + name[len(written) :]
    return name


def find_rule(name: str) -> tuple[str, Rule] | None:
    """The longest rule that a full name falls under."""
    plain = plain_name(name)
    if plain in RULES:
        return plain, RULES[plain]
    parts = plain.split(".") if "(" not in plain else []
    for length in range(len(parts), 0, -1):
        beginning = ".".join(parts[:length])
        if beginning in RULES:
            if beginning == "tensorflow.estimator" and parts[2:] and not _is_there(parts[2]):
                return ".".join(parts[:3]), _UNKNOWN_ESTIMATOR
            return beginning, RULES[beginning]
    return None


def _is_there(name: str) -> bool:
    """Whether `tf.estimator` has a name, a module's own ones and * left aside."""
    return name in estimator.__all__ or name.startswith("_") or name == "*"
