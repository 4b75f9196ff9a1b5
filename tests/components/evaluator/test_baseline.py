"""The baseline of a model: the newest blessed one, and never the model itself."""

from __future__ import annotations

from typing import Any

import pytest
from tfx.types.standard_artifacts import Model, ModelBlessing

from tfx_estimators.components.evaluator.baseline import BaselineModelStrategy


def _model(number: int) -> Any:
    model = Model()
    model.id = number
    return model


def _blessing(number: int, *, of: int, blessed: bool) -> Any:
    blessing = ModelBlessing()
    blessing.id = number
    blessing.set_int_custom_property("current_model_id", of)
    blessing.set_int_custom_property("blessed", int(blessed))
    return blessing


@pytest.mark.parametrize(
    ("blessings", "candidate", "expected"),
    [
        ([], 3, []),
        ([(11, 1, True)], 3, [1]),
        ([(11, 1, True), (12, 2, True)], 3, [2]),
        ([(11, 1, True), (12, 2, False)], 3, [1]),
        ([(11, 1, True), (13, 3, True)], 3, [1]),  # the candidate itself is none
        ([(13, 3, True)], 3, []),
        ([(11, 2, True), (12, 2, False)], 3, []),  # the newer verdict counts
    ],
)
def test_newest_blessed_model_but_the_candidate(
    blessings: list[tuple[int, int, bool]], candidate: int, expected: list[int]
) -> None:
    models = [_model(number) for number in (2, 1, 3)]
    resolved = BaselineModelStrategy().resolve_artifacts(
        None,
        {
            "candidate": [model for model in models if model.id == candidate],
            "model": models,
            "model_blessing": [_blessing(n, of=m, blessed=b) for n, m, b in blessings],
        },
    )
    assert [model.id for model in resolved["model"]] == expected
