"""The usual pipeline in a few lines, and its parts replaced. Nothing is run here: the
titanic, digits and cats_vs_dogs pipelines, which are made so, are run by their own tests."""

from __future__ import annotations

import pathlib
from typing import Any

import psutil
import pytest

from tfx_estimators.components.resources import Resources, with_resources
from tfx_estimators.errors import PipelineError
from tfx_estimators.pipelines.display.run_events import StepRuns
from tfx_estimators.pipelines.early_trial import EarlyTrial
from tfx_estimators.pipelines.usual import csv_examples, estimator_pipeline

MODULE = "tfx_estimators.pipelines.titanic.model"


def _pipeline(root: pathlib.Path, **changes: Any) -> Any:
    options = {"module_path": MODULE, "label_key": "survived", **changes}
    return estimator_pipeline("mine", root, csv_examples(root), **options)


def test_a_pipeline_runs_from_examples_to_a_pushed_model(tmp_path: pathlib.Path) -> None:
    made = _pipeline(tmp_path, train_steps=7)
    nodes = {node.id: node for node in made.components}
    assert list(nodes) == [
        "CsvExampleGen", "StatisticsGen", "SchemaGen", "FeatureColumnTransform",
        "EstimatorTrainer", "EstimatorEvaluator", "EstimatorPredictor", "EstimatorPusher",
    ]  # fmt: skip
    assert '"num_steps": 7' in nodes["EstimatorTrainer"].exec_properties["train_args"]
    assert nodes["EstimatorTrainer"].exec_properties["checkpoint_store"] == str(
        tmp_path / "checkpoints"
    )
    blessing = nodes["EstimatorPusher"].inputs["model_blessing"]
    assert blessing.producer_component_id == "EstimatorEvaluator"
    assert made.enable_cache


def test_parts_are_replaced_and_left_out(tmp_path: pathlib.Path) -> None:
    from tfx.components.schema_gen.component import SchemaGen

    def schema(parts: Any) -> Any:
        statistics = parts["statistics"].outputs["statistics"]
        return SchemaGen(statistics=statistics).with_id("OurSchema")

    made = _pipeline(tmp_path, replace={"schema": schema, "evaluator": None, "predictor": None})
    nodes = {node.id: node for node in made.components}
    assert "EstimatorEvaluator" not in nodes
    assert nodes["FeatureColumnTransform"].inputs["schema"].producer_component_id == "OurSchema"
    assert "model_blessing" not in nodes["EstimatorPusher"].inputs


def test_a_part_that_others_need_cannot_be_left_out(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PipelineError, match="leaves out what 'schema' needs"):
        _pipeline(tmp_path, replace={"statistics": None})
    with pytest.raises(PipelineError, match="names the unknown part 'trainor'"):
        _pipeline(tmp_path, replace={"trainor": None})


def test_a_search_gives_the_trainer_its_hyperparameters(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.components.tuner.search import RandomSearch

    model = tmp_path / "model.py"
    model.write_text(
        "def feature_columns(): ...\n"
        "def estimator_fn(columns, config, params): ...\n"
        "def hyperparameters(): ...\n"
    )
    made = _pipeline(
        tmp_path, module_path=None, module_file=str(model), search=RandomSearch(max_trials=3)
    )
    nodes = {node.id: node for node in made.components}
    hyperparameters = nodes["EstimatorTrainer"].inputs["hyperparameters"]
    assert hyperparameters.producer_component_id == "EstimatorTuner"
    assert '"max_trials": 3' in nodes["EstimatorTuner"].exec_properties["search"]


def test_the_trial_of_the_pusher_begins_with_the_step_before_it(tmp_path: pathlib.Path) -> None:
    def begins_with(step: str, pipeline: Any, steps: tuple[str, ...] | None = None) -> bool:
        before = set(psutil.Process().children())
        with EarlyTrial(pipeline, steps) as trial:
            trial.hear(StepRuns(step))
            started = set(psutil.Process().children()) - before
        assert not any(process.is_running() for process in started)
        return bool(started)

    made = _pipeline(tmp_path)
    assert begins_with("EstimatorEvaluator", made)
    assert not begins_with("EstimatorTrainer", made)
    assert not begins_with("EstimatorPusher", made)
    assert not begins_with("EstimatorEvaluator", made, ("EstimatorTrainer", "EstimatorEvaluator"))
    assert begins_with("EstimatorTrainer", _pipeline(tmp_path, replace={"evaluator": None}))
    assert not begins_with("EstimatorEvaluator", _pipeline(tmp_path, replace={"pusher": None}))


@pytest.mark.parametrize(
    "resources", [Resources(environment={"TF_CPP_MIN_LOG_LEVEL": "1"}), Resources(cpu="1")]
)
def test_the_trial_begins_early_only_with_what_the_pusher_has(
    resources: Resources, tmp_path: pathlib.Path
) -> None:
    """Variables and processors of a step are those of the processes that it starts."""

    def begins(*with_them: str) -> bool:
        made = _pipeline(tmp_path)
        for node in made.components:
            if node.id in with_them:
                with_resources(node, resources)
        before = set(psutil.Process().children())
        with EarlyTrial(made) as trial:
            trial.hear(StepRuns("EstimatorEvaluator"))
            return bool(set(psutil.Process().children()) - before)

    assert begins()
    assert not begins("EstimatorPusher")
    assert not begins("EstimatorEvaluator")
    assert begins("EstimatorPusher", "EstimatorEvaluator")
