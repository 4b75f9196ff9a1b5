"""Our components beside stock ones in real pipelines with real metadata.

The first run has no baseline; the second finds the first run's blessed model with the
stock resolver, and its own worse model is neither blessed nor pushed.
"""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from tfx.components.pusher.component import Pusher
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.channel import Channel

from tfx_estimators.components import EstimatorEvaluator, EstimatorPredictor, EstimatorPusher
from tfx_estimators.components.evaluator import Report, load_report
from tfx_estimators.pipelines.closing_table import run_table

EVAL_CONFIG = """
slicing_specs {}
metrics_specs { metrics {
  class_name: 'AUC' config: '{"name": "auc", "num_thresholds": 20}'
  threshold {
    value_threshold { lower_bound { value: 0.2 } }
    change_threshold { absolute { value: -0.01 } direction: HIGHER_IS_BETTER }
  }
} }
"""


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path


@pytest.fixture
def run(root: pathlib.Path, examples: Artifact, make_model: Any) -> Any:
    """`run(name, slope)` runs the pipeline on a model of that slope, and returns it."""

    def run_pipeline(name: str, slope: float) -> Pipeline:
        model = make_model(root / "models" / name, slope=slope)
        data = Importer(
            source_uri=examples.uri,
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": examples.split_names},
        ).with_id("Examples")
        candidate = Importer(
            source_uri=model.uri, artifact_type=standard_artifacts.Model, reimport=True
        ).with_id("Candidate")
        baseline = Resolver(
            strategy_class=LatestBlessedModelStrategy,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        ).with_id("Baseline")
        evaluator = EstimatorEvaluator(
            examples=data.outputs["result"],
            model=candidate.outputs["result"],
            baseline_model=baseline.outputs["model"],
            eval_config=EVAL_CONFIG,
            label_key="y",
        )
        blessing = evaluator.outputs["blessing"]
        predictor = EstimatorPredictor(
            examples=data.outputs["result"],
            model=candidate.outputs["result"],
            model_blessing=blessing,
        )
        pusher = EstimatorPusher(
            model=candidate.outputs["result"],
            model_blessing=blessing,
            examples=data.outputs["result"],
            push_destination=str(root / "serving"),
        )
        stock_pusher = Pusher(
            model=candidate.outputs["result"],
            model_blessing=blessing,
            push_destination=pusher_pb2.PushDestination(
                filesystem=pusher_pb2.PushDestination.Filesystem(
                    base_directory=str(root / "stock" / name)
                )
            ),
        )
        components = [data, candidate, baseline, evaluator, predictor, pusher, stock_pusher]
        pipeline = Pipeline(
            pipeline_name="blessed",
            pipeline_root=str(root / "artifacts"),
            components=components,
            metadata_connection_config=connection(root),
        )
        LocalDagRunner().run(pipeline)
        return pipeline

    return run_pipeline


def connection(root: pathlib.Path) -> Any:
    return metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite"))


def artifacts(root: pathlib.Path, type_name: str) -> list[Any]:
    with metadata.Metadata(connection(root)) as handler:
        return sorted(handler.store.get_artifacts_by_type(type_name), key=lambda one: one.id)


def reports(root: pathlib.Path) -> list[Report]:
    return [load_report(one.uri) for one in artifacts(root, "ModelEvaluation")]


@pytest.mark.stacks
def test_a_worse_model_is_neither_blessed_nor_pushed(root: pathlib.Path, run: Any) -> None:
    table = run_table(run("good", slope=2.0))
    (first,) = reports(root)
    (version,) = (root / "serving").glob("[0-9]*")
    assert f"{first.overall().metrics['auc']:.4f}" in table
    assert "blessed      yes" in table
    assert f"pushed to    {version}" in table
    assert f"next         tfx-estimators predict {version} DATA -o predictions.csv" in table
    assert first.blessed is True
    assert first.baseline is None

    table = run_table(run("bad", slope=-0.5))
    assert "blessed      no: auc (overall) is" in table
    assert "pushed to    nowhere: only a blessed model is pushed" in table
    assert "run again" in table
    assert str(version) not in table
    second = reports(root)[1]
    assert second.blessed is False
    assert second.baseline == str(root / "models" / "good" / "Format-Serving")
    assert second.overall().baseline["auc"] == pytest.approx(first.overall().metrics["auc"])
    assert [(check.rule, check.passed) for check in second.checks] == [
        ("at least 0.2", False),
        ("a change of at least -0.01", False),
    ]
    assert list((root / "serving").glob("[0-9]*")) == [version]

    blessings = artifacts(root, "ModelBlessing")
    assert [one.custom_properties["blessed"].int_value for one in blessings] == [1, 0]
    pushed = [one.custom_properties for one in artifacts(root, "PushedModel")]
    assert [one["pushed"].int_value for one in pushed] == [1, 1, 0, 0]
    assert pushed[0]["pushed_version"].string_value == version.name or (
        pushed[1]["pushed_version"].string_value == version.name
    )
    stock = [sorted((root / "stock").glob(f"{name}/*")) for name in ("good", "bad")]
    assert [len(found) for found in stock] == [1, 0], "the stock pusher accepts the blessing"
    results = [pathlib.Path(one.uri) for one in artifacts(root, "InferenceResult")]
    assert [len(list(folder.glob("prediction_logs*"))) > 0 for folder in results] == [True, False]
