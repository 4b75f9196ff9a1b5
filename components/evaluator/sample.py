"""Labels and predictions of some of an evaluation's examples, for people to look at."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tfx.types.artifact import Artifact

from tfx_estimators.components.evaluator.inputs.extracts import ExtractExamples
from tfx_estimators.components.evaluator.preparation import prepare
from tfx_estimators.components.examples import read_batches
from tfx_estimators.components.heads import Head
from tfx_estimators.components.saved_model import SignatureCall

__all__ = ["Answers", "Sample", "draw_sample"]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a head answers.

    Attributes:
        head: the head.
        classes: names of its classes; empty where the model has none.
        labels: [examples, values].
        predictions: [examples, values or classes].
    """

    head: Head
    classes: Sequence[str]
    labels: Any
    predictions: Any


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some examples.

    Attributes:
        records: serialized raw tf.Examples.
        weights: [examples], all ones where they are not weighted.
        answers: of each head.
        signature: that was asked.
    """

    records: Sequence[bytes]
    weights: Any
    answers: Sequence[Answers]
    signature: SignatureCall


def draw_sample(
    input_dict: Mapping[str, list[Artifact]], exec_properties: Mapping[str, Any], most: int
) -> Sample:
    """Asks a model about the first examples of an evaluation.

    Args:
        input_dict: inputs of an `EstimatorEvaluator`, without a baseline.
        exec_properties: its parameters.
        most: how many examples at most.

    Raises:
        TfxEstimatorsError: as `EstimatorEvaluator` does.
    """
    prepared = prepare(input_dict, exec_properties)
    (model,) = prepared.models
    extract = ExtractExamples(
        prepared.columns,
        prepared.models,
        prepared.transform_graph,
        prepared.schema,
        measures=None,
    )
    files = [file for split in prepared.splits for file in split.files]
    records = list(itertools.islice(itertools.chain.from_iterable(read_batches(files)), most))
    extract.setup()
    extracts = list(extract.process(records))
    weights = [one.get("example_weights", 1.0) for one in extracts]
    single = len(model.heads) == 1 and not model.heads[0].name

    def column(name: str, head: Head) -> Any:
        return np.stack([one[name] if single else one[name][head.name] for one in extracts])

    listed = sorted({head.classes for head in model.heads} - {""})
    named = model.signature(records[:1], listed) if listed else {}
    return Sample(
        records=records,
        weights=np.array(weights, np.float64).reshape(len(records)),
        answers=[
            Answers(
                head,
                [_text(one) for one in named[head.classes][0]] if head.classes else [],
                column("labels", head),
                column("predictions", head),
            )
            for head in model.heads
        ],
        signature=model.signature,
    )


def _text(name: Any) -> str:
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)
