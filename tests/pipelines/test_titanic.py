"""The guide's Titanic example, with the runtime alone and as a pipeline."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import titanic_guide

DATA = pathlib.Path(__file__).parents[1] / "testdata" / "estimator"

pytestmark = [pytest.mark.stacks, pytest.mark.conformance("titanic")]


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    from tfx_estimators import estimator

    estimator.activate()
    return titanic_guide.trained(tmp_path_factory.mktemp("titanic"))


def test_ten_batches_come_to_the_metrics_of_tensorflow_2_15(
    guide: tuple[Any, Any], differs: Callable[..., float]
) -> None:
    made, read = guide
    found = {name: float(value) for name, value in made.evaluate(read, steps=10).items()}
    figures = json.loads((DATA / "figures.json").read_text())["figures"]["titanic"]
    assert differs(found, figures["LinearClassifier"]) <= 1e-5
    assert found["global_step"] == 100


def test_passengers_are_predicted(guide: tuple[Any, Any]) -> None:
    made, read = guide
    first = next(made.predict(read))
    assert set(first["all_classes"]) == {b"0", b"1"}
    assert 0 < first["logistic"][0] < 1


@pytest.mark.slow
def test_the_pipeline_pushes_a_model(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.components.evaluator.report import load_report
    from tfx_estimators.pipelines import catalog, runner
    from tfx_estimators.pipelines.workspace import Workspace

    assert "titanic" in catalog.names()
    module = catalog.load_pipeline_module("titanic")
    runner.run(module.create_pipeline(tmp_path, train_steps=100, trials=2))
    evaluation = Workspace("titanic", tmp_path).made("EstimatorEvaluator").uri("evaluation")
    report = load_report(evaluation)
    assert report.blessed
    assert len(list((tmp_path / "serving").glob("[0-9]*"))) == 1
    assert "First" in module.summary(tmp_path)
    _check_search(tmp_path)


def _check_search(root: pathlib.Path) -> None:
    """The report and the lineage tell of every trial, and the trainer took the best."""
    from tfx_estimators.lineage.checkpoints import list_checkpoints
    from tfx_estimators.lineage.runs import find_run
    from tfx_estimators.lineage.store import open_store
    from tfx_estimators.report.parts import Facts, Figure, Table
    from tfx_estimators.report.provenance import origin_section
    from tfx_estimators.report.subject import look_at
    from tfx_estimators.report.tuning import tuning_section

    store = open_store(root)
    subject = look_at(store, find_run(store, "latest"))
    facts, figure, table = tuning_section(subject).parts
    assert isinstance(facts, Facts)
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    assert list(table.headers) == [
        "Trial", "State", "loss", "learning_rate", "l1", "Failed with",
    ]  # fmt: skip
    (best,) = [row for row in table.rows if row[1] == "best"]
    assert best[2] == min(row[2] for row in table.rows)
    assert dict(facts.facts)["learning_rate"] == best[3]
    assert len(table.rows) == 2
    said = " ".join(str(cell) for row in origin_section(subject).parts[-1].rows for cell in row)
    assert "objective loss, score" in said
    # Each trial is a training, with a checkpoint that ML Metadata knows.
    trainings = {one.fingerprint for one in list_checkpoints(store, limit=None)}
    assert len(trainings) == 3


def test_the_same_passengers_are_made_up_every_time(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.pipelines.titanic import data

    file = tmp_path / "a" / "passengers.csv"
    data.write_passengers(file)
    written = file.stat().st_mtime_ns
    data.write_passengers(file)
    assert file.stat().st_mtime_ns == written
    lines = file.read_text().splitlines()
    assert len(lines) == 892
    assert lines[0] == ",".join(data.HEADER)
