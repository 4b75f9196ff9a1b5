"""The summaries that one pass keeps of the features that columns learn from."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tfx_estimators.components.transform.summaries import Numbers, Quantiles, Vocabulary
from tfx_estimators.errors import ColumnError

pytestmark = pytest.mark.stacks


def answer(question: Any, parts: list[Any]) -> dict[str, Any]:
    """By a summary of each part, sent to where they are merged as workers send them."""
    whole = question.summary()
    for part in parts:
        summary = question.summary()
        for batch in np.array_split(part, 3):
            summary.add(pa.array(batch))
        whole.merge(pickle.loads(pickle.dumps(summary)))
    return dict(whole.answer())


def test_numbers_are_those_of_all_values_however_they_are_divided() -> None:
    # A mean that is large beside the deviation, which float32 sums lose.
    values = np.random.default_rng(3).normal(1e4, 0.5, 9_000).astype(np.float32)
    found = answer(Numbers("x"), [values[:5], values[5:4_000], values[4_000:], values[:0]])
    assert found["count"] == 9_000
    assert found["mean"] == pytest.approx(values.mean(dtype=np.float64), rel=1e-12)
    assert found["variance"] == pytest.approx(values.var(dtype=np.float64), rel=1e-9)
    assert (found["minimum"], found["maximum"]) == (values.min(), values.max())
    # Integers are read as float32, as TensorFlow casts them.
    assert answer(Numbers("x"), [np.array([2**24 + 1, 0])])["maximum"] == 2**24


def test_numbers_of_nothing_and_of_what_is_none_are_no_numbers() -> None:
    assert answer(Numbers("x"), [])["count"] == 0
    for stranger in (np.nan, np.inf):
        found = answer(Numbers("x"), [np.array([1.0, stranger]), np.array([2.0])])
        assert not np.isfinite(found["mean"])
        assert not np.isfinite(found["maximum"])


def test_quantiles_divide_evenly_however_the_values_are_divided() -> None:
    values = np.random.default_rng(4).permutation(100_000).astype(np.float32)
    whole = answer(Quantiles("x", 10), [values])["boundaries"]
    parts = answer(Quantiles("x", 10), np.array_split(values, 7))["boundaries"]
    for boundaries in (whole, parts):
        assert boundaries == pytest.approx(range(10_000, 100_000, 10_000), abs=100)
    assert answer(Quantiles("x", 4), [])["boundaries"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((None, None), [b"b", b"\xff", b"c", b"a", b"B"]),
        ((3, None), [b"b", b"\xff", b"c"]),
        ((None, 2), [b"b", b"\xff", b"c"]),
        ((1, 3), [b"b"]),
    ],
)
def test_vocabulary_is_by_frequency_and_then_by_falling_value(
    arguments: tuple[Any, Any], expected: list[bytes]
) -> None:
    words = ["b", "c", "a", "", "B", "b", "c", "x\ny", "x\ny", "x\r", "b", "", ""]
    encoded = [*(word.encode() for word in words), b"\xff", b"\xff"]
    question = Vocabulary("x", "x", *arguments)
    for cut in (0, 4, len(encoded)):
        found = question.summary()
        for part in (encoded[:cut], encoded[cut:]):
            other = question.summary()
            other.add(pa.array(part, pa.large_binary()))
            found.merge(pickle.loads(pickle.dumps(other)))
        assert found.answer()["entries"] == expected


def test_vocabulary_of_integers_is_in_the_order_of_their_texts() -> None:
    found = answer(Vocabulary("x", "x", None, None), [np.array([3, 2, 111, 3, 3, -5])])
    assert found["entries"] == [b"3", b"2", b"111", b"-5"]


def test_vocabulary_ends_the_analysis_only_where_all_values_are_to_be_entries() -> None:
    values = pa.array([str(number).encode() for number in range(50)], pa.large_binary())
    for top_k, threshold in itertools.product((None, 10), (None, 1)):
        summary = Vocabulary("x", "x", top_k, threshold).summary()
        # The same ones twice are no more.
        for _ in range(2):
            summary.add(values)
            summary.check_size(50)
        if top_k is None and threshold is None:
            with pytest.raises(ColumnError, match=r"'x' learned .* of more than 49"):
                summary.check_size(49)
        else:
            summary.check_size(49)
