"""Which checkpoints are kept: our policies, and one that a user wrote."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Collection

import pytest
from page_code import page_code

from tfx_estimators.components.trainer.checkpoints.retention import (
    KeepBest,
    KeepEvery,
    KeepLast,
    Metrics,
    from_json,
    kept,
    to_json,
)
from tfx_estimators.errors import UnsupportedOptionError

MEASURED: Metrics = {
    step: {"auc": auc} for step, auc in [(10, 0.7), (20, 0.9), (30, 0.8), (40, 0.6)]
}

OWN = page_code("extending", "A retention policy")


@pytest.mark.parametrize(
    ("policy", "steps"),
    [
        (KeepLast(2), {30, 40}),
        (KeepEvery(20), {10, 20, 40}),
        (KeepBest("auc"), {20, 40}),
        (KeepBest("auc", largest=False), {40}),
        (KeepBest("loss"), {40}),
    ],
)
def test_the_newest_is_kept_and_what_a_policy_asks_for(policy: object, steps: set[int]) -> None:
    assert kept(from_json(to_json([policy])), MEASURED) == steps  # type: ignore[list-item]


def test_a_policy_from_outside_the_package_is_stored_and_asked(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "our_retention.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    import our_retention  # type: ignore[import-not-found]

    text = to_json([our_retention.KeepSteps((10, 99)), KeepLast(1)])
    # Where the step runs, the class is imported anew.
    monkeypatch.delitem(sys.modules, "our_retention")
    assert kept(from_json(text), MEASURED) == {10, 40}

    monkeypatch.delitem(sys.modules, "our_retention")
    (tmp_path / "our_retention.py").unlink()
    with pytest.raises(UnsupportedOptionError, match="our_retention:KeepSteps cannot be imported"):
        from_json(text)


def test_the_policy_that_a_training_is_given_is_the_one_on_the_page() -> None:
    # `test_what_is_kept` trains with it.
    module = pathlib.Path(__file__).with_name("modules") / "keep_steps.py"
    assert module.read_text(encoding="utf-8") == OWN


def test_what_could_not_be_read_back_is_refused_at_once() -> None:
    @dataclasses.dataclass(frozen=True)
    class KeepNone:
        def kept(self, metrics: Metrics) -> Collection[int]:
            return ()

    with pytest.raises(UnsupportedOptionError, match="cannot be stored"):
        to_json([KeepNone()])
    for wrong in ([], [5], "last"):
        with pytest.raises(UnsupportedOptionError, match="retention"):
            to_json(wrong)  # type: ignore[arg-type]
