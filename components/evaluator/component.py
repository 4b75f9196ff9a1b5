"""`EstimatorEvaluator`: sliced metrics, thresholds and a blessing."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message
from tfx.dsl.components.base import base_beam_component
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel

from tfx_estimators.components.evaluator import eval_config as configs
from tfx_estimators.components.evaluator.spec import EstimatorEvaluatorSpec
from tfx_estimators.components.executor_specs import LazyBeamExecutorSpec
from tfx_estimators.errors import EmptySplitError
from tfx_estimators.json_text import dumps

__all__ = ["EstimatorEvaluator"]


class EstimatorEvaluator(base_beam_component.BaseBeamComponent):
    """Evaluates an estimator's SavedModel with TensorFlow Model Analysis.

    Where all metrics are sums over rows, as the default ones are, it is given whole batches;
    otherwise it goes example by example, and standard error says why.

    The model's `predict` signature, or a Keras model's `serving_default`, runs over raw
    serialized tf.Examples. Where a model is served raw tensors, `EstimatorTrainer` has left
    one that takes examples beside it. The label
    and the example weight come from the transform graph if it makes them, else from
    the raw examples; slices read raw features, or failing that transformed ones.

    Outputs are those of TFX's Evaluator: `evaluation` (a ModelEvaluation that
    `tfma.load_eval_result` reads, with a `report.json` beside it, see `load_report`)
    and `blessing` (a ModelBlessing that the latest-blessed resolver and any pusher
    accept). Without a threshold the model is neither blessed nor refused. Where a
    baseline is wanted but there is none yet, as on the first run, change thresholds
    are skipped and value thresholds alone decide.

    With a transform graph, predictions from raw examples are compared on some rows with
    those from transformed ones, if `EstimatorTrainer` made the model by `estimator_fn`.
    A model that is served otherwise than it was trained is not blessed, whatever its
    metrics; the report names the features that differ (`Report.skew`).

    Args:
        examples: Examples, the raw ones.
        model: Model with a serving SavedModel.
        transform_graph: TransformGraph that the model was trained with, which may make the
            label and the weight. Where it is not given, a model of `EstimatorTrainer` says
            which it was.
        baseline_model: Model to compare with, usually a Resolver's latest blessed.
        schema: Schema of the raw examples.
        eval_config: TFMA's EvalConfig, or its protocol buffer text format, which
            spares the pipeline definition the import of TFMA. What it leaves out is
            filled in: the keys below, the signature `predict`, the metrics that
            `estimator.evaluate` gives for the model's head, under its names, which
            thresholds may use, and the overall slice. (What is 0/0, such as precision where
            nothing was predicted, is NaN here and 0 there.)
        label_key: the label, unless `eval_config` names it, or the module that
            `EstimatorTrainer` ran has an `eval_input_receiver_fn` whose label is one of its
            features. A string label is looked up in the model's classes. A multi-head model
            has a label for each head: `model_specs { label_keys { key: HEAD value: ... } }`.
        example_weight_key: the weight of an example, unless `eval_config` names it.
        example_splits: the splits to evaluate on, together.

    Raises:
        UnsupportedOptionError: if `eval_config` holds an option that cannot be honoured.
        EmptySplitError: if `example_splits` is empty.
    """

    SPEC_CLASS = EstimatorEvaluatorSpec
    EXECUTOR_SPEC = LazyBeamExecutorSpec(
        "tfx_estimators.components.evaluator.executor.EvaluatorExecutor"
    )

    def __init__(
        self,
        *,
        examples: BaseChannel,
        model: BaseChannel,
        transform_graph: BaseChannel | None = None,
        baseline_model: BaseChannel | None = None,
        schema: BaseChannel | None = None,
        eval_config: Message | str | None = None,
        label_key: str | None = None,
        example_weight_key: str | None = None,
        example_splits: Sequence[str] = ("eval",),
    ) -> None:
        config = configs.read(eval_config if eval_config is not None else "")
        configs.check_supported(config, label_key)
        if not example_splits:
            raise EmptySplitError(
                "EstimatorEvaluator: example_splits is empty",
                expected="at least one split name",
                fix="leave it out to evaluate on 'eval'",
            )
        super().__init__(
            spec=EstimatorEvaluatorSpec(
                examples=examples,
                model=model,
                transform_graph=transform_graph,
                baseline_model=baseline_model,
                schema=schema,
                eval_config=configs.to_json(config),
                label_key=label_key,
                example_weight_key=example_weight_key,
                example_splits=dumps(list(example_splits)),
                evaluation=Channel(type=standard_artifacts.ModelEvaluation),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )
