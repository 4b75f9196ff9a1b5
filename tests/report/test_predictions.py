"""What a report shows of a model's answers, by the kind of its head."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tfx_estimators.components.evaluator.sample import Answers, Sample
from tfx_estimators.components.heads import Head, Kind
from tfx_estimators.components.saved_model import SignatureCall
from tfx_estimators.report.parts import Figure, Part, Table
from tfx_estimators.report.predictions import predictions_section

pytestmark = pytest.mark.stacks
NOWHERE = SignatureCall("nowhere", "predict", "examples", ())


def shown(kind: Kind, labels: Any, predictions: Any, weights: Any) -> dict[str, Part]:
    answers = Answers(Head("", kind, "made"), [], np.array(labels), np.array(predictions))
    sample = Sample([b""] * len(labels), np.array(weights, float), [answers], NOWHERE)
    parts = predictions_section(sample).parts[1:]
    return {p.title if isinstance(p, Figure) else getattr(p, "caption", "text"): p for p in parts}


def test_a_confusion_counts_weights() -> None:
    found = shown(Kind.BINARY, [[0], [0], [1], [1]], [[0.1], [0.9], [0.8], [0.2]], [1, 2, 30, 4])
    confusion = found["Confusion"]
    assert isinstance(confusion, Figure)
    assert "label 0: 1 of 3 right; label 1: 30 of 34 right" in confusion.description
    assert {"Calibration", "Predictions by label"} <= found.keys()


def test_residuals_are_weighted_and_have_their_sign() -> None:
    found = shown(Kind.REGRESSION, [[5.0], [1.0]], [[2.0], [2.0]], [9, 1])
    residuals = found["Residuals"]
    assert isinstance(residuals, Figure)
    assert "half are below 3," in residuals.description


def test_of_many_classes_those_are_listed_that_are_mistaken_most() -> None:
    predictions = np.full((4, 20), 0.01)
    predictions[:, 7] = 0.81
    found = shown(Kind.MULTI_CLASS, [[7], [3], [3], [5]], predictions, np.ones(4))
    table = found["Classes that are mistaken most"]
    assert isinstance(table, Table)
    assert [list(row) for row in table.rows] == [["3", "7", "2"], ["5", "7", "1"]]
    calibration = found["Calibration"]
    assert isinstance(calibration, Figure)
    assert re.search(r"0\.81 predicted and (0|1) true", calibration.description)


def test_a_label_of_several_is_found_or_missed() -> None:
    found = shown(Kind.MULTI_LABEL, [[1, 0], [1, 1]], [[0.9, 0.2], [0.1, 0.3]], [1, 5])
    table = found["Labels at a threshold of 0.5"]
    assert isinstance(table, Table)
    assert [list(row)[:5] for row in table.rows] == [
        ["0", "1", "5", "0", "0"],
        ["1", "0", "5", "0", "1"],
    ]
