"""Errors of worker processes, of which only the text comes back."""

from __future__ import annotations

import traceback

import pytest

from tfx_estimators.components.transform.failures import explain
from tfx_estimators.errors import CorruptRecordError, DataError, LabelError


def text_of(error: Exception) -> str:
    return "".join(traceback.format_exception(error))


def test_our_errors_come_back_from_text() -> None:
    original = CorruptRecordError("file 7 is torn", expected="a file", fix="write it again")
    explained = explain(RuntimeError(f"worker failed:\n{text_of(original)}\nat bundle 3"))
    assert type(explained) is CorruptRecordError
    assert str(explained) == str(original)


def test_our_errors_come_back_from_the_chain() -> None:
    original = LabelError("no label")
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = ValueError("in between")
    wrapped.__cause__.__cause__ = original
    assert explain(wrapped) is original


@pytest.mark.parametrize(
    ("assertion", "error"),
    [
        ("numeric column x reads feature y and has no default_value", DataError),
        ("the label y has not exactly one value in every example", LabelError),
    ],
)
def test_assertions_of_the_graph(assertion: str, error: type[DataError]) -> None:
    text = f"Graph execution error:\nassertion failed: [{assertion}] [Op:__inference_1]"
    explained = explain(ValueError(text))
    assert type(explained) is error
    assert str(explained).startswith(assertion)


def test_others_are_not_ours() -> None:
    assert explain(ValueError("disk full")) is None
