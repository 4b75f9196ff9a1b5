"""`EstimatorPredictor`: predictions for every example of an Examples artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfx.dsl.components.base import base_beam_component
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel

from tfx_estimators.components.executor_specs import LazyBeamExecutorSpec
from tfx_estimators.components.predictor.spec import EstimatorPredictorSpec
from tfx_estimators.errors import EmptySplitError, UnsupportedOptionError
from tfx_estimators.json_text import dumps

__all__ = ["EstimatorPredictor"]

_FORMATS = ("csv", "parquet")


class EstimatorPredictor(base_beam_component.BaseBeamComponent):
    """Predicts in batches on Beam, with one loaded model a worker.

    Its one output is that of TFX's BulkInferrer: `inference_result`, PredictionLog
    records in `prediction_logs-*.gz`, or, where `output_features` is given,
    `output_examples`, the examples with predictions as further features. With an
    `output_format`, `inference_result` holds a table instead, in `predictions-*.csv` or
    `predictions-*.parquet`.

    The table has a row for each example: its features, in the order of their names, and
    beside them what `tfx-estimators predict` writes: `predicted_class` and a
    `probability_CLASS` for each class, or `prediction`. A feature with at most one value in
    every example is a plain column, any other one a column of lists; in CSV a list is
    written as JSON, and a missing value is an empty cell.

    A model that its blessing does not call blessed is not used: the output stays
    empty, as with the BulkInferrer.

    Args:
        examples: Examples, the raw ones.
        model: Model with a serving SavedModel.
        model_blessing: ModelBlessing that the model needs, or None to use any.
        example_splits: the splits to predict on; all of them where not given.
        signature_name: a signature that takes serialized tf.Examples; for "predict", a
            model without it, as Keras exports it, has "serving_default". A model that is
            served raw tensors is replaced by the one that `EstimatorTrainer` left beside it.
        output_features: names of the signature's outputs -> names of the new
            features, e.g. {"logistic": "tip_probability"}.
        output_format: "csv" or "parquet", for a table.

    Raises:
        EmptySplitError: if `example_splits` is an empty sequence.
        UnsupportedOptionError: if `output_features` is empty or names a feature twice, or
            `output_format` is another one, or both are given.
    """

    SPEC_CLASS = EstimatorPredictorSpec
    EXECUTOR_SPEC = LazyBeamExecutorSpec(
        "tfx_estimators.components.predictor.executor.PredictorExecutor"
    )

    def __init__(
        self,
        *,
        examples: BaseChannel,
        model: BaseChannel,
        model_blessing: BaseChannel | None = None,
        example_splits: Sequence[str] | None = None,
        signature_name: str = "predict",
        output_features: Mapping[str, str] | None = None,
        output_format: str | None = None,
    ) -> None:
        if example_splits is not None and not example_splits:
            raise EmptySplitError(
                "EstimatorPredictor: example_splits is empty",
                expected="at least one split name, or None for every split",
                fix="leave it out to predict on every split",
            )
        if output_features is not None and (
            not output_features or len(set(output_features.values())) < len(output_features)
        ):
            raise UnsupportedOptionError(
                f"EstimatorPredictor: output_features is {dict(output_features)}",
                expected="at least one output, each with its own feature name",
                fix="leave it out to get an InferenceResult",
            )
        _check_format(output_format, output_features)
        logs = output_features is None
        super().__init__(
            spec=EstimatorPredictorSpec(
                examples=examples,
                model=model,
                model_blessing=model_blessing,
                example_splits=None if example_splits is None else dumps(list(example_splits)),
                signature_name=signature_name,
                output_features=None if output_features is None else dumps(dict(output_features)),
                output_format=output_format,
                inference_result=Channel(type=standard_artifacts.InferenceResult) if logs else None,
                output_examples=None if logs else Channel(type=standard_artifacts.Examples),
            )
        )


def _check_format(output_format: str | None, output_features: Mapping[str, str] | None) -> None:
    if output_format not in (None, *_FORMATS):
        raise UnsupportedOptionError(
            f"EstimatorPredictor: output_format is {output_format!r}",
            expected=" or ".join(map(repr, _FORMATS)),
            fix="choose one of them, or leave it out to get PredictionLogs",
        )
    if output_format is not None and output_features is not None:
        raise UnsupportedOptionError(
            "EstimatorPredictor: output_format and output_features are both given",
            expected="a table, or examples with more features",
            fix="leave one of them out",
        )
