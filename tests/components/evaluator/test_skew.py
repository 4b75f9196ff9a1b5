"""Models that are served what they were trained on, and models that are not."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components.evaluator import Report

pytestmark = pytest.mark.stacks

MODULE = """
import tensorflow as tf
from tfx_estimators import estimator as tf_estimator
from tfx_estimators.estimator import columns

def feature_columns():
    x = columns.scaled_numeric_column("x", scaling="z_score")
    color = columns.categorical_column_with_learned_vocabulary("color", num_oov_buckets=1)
    return [x, color]

def estimator_fn(columns, config, params):
    return tf_estimator.LinearClassifier(columns, config=config)
"""
RECEIVER = """
def serving_input_receiver_fn(transform_output):
    raw = transform_output.raw_feature_spec()
    raw.pop("y")
    records = tf.compat.v1.placeholder(tf.string, [None], name="examples")
    parsed = tf.io.parse_example(records, raw)
    features = dict(transform_output.transform_raw_features(parsed))
    HARM
    return tf_estimator.export.ServingInputReceiver(features, {"examples": records})
"""
HARMS = {
    "own": "features = {name: features[name] for name in features}",
    "harmed": """features["x"] = features["x"] * 2.0 + 1.0
    color = features["color"]
    if isinstance(color, tf.SparseTensor):
        features["color"] = tf.sparse.map_values(lambda ids: (ids + 1) % 3, color)
    else:
        features["color"] = (color + 1) % 3""",
}
SCHEMA = """
feature { name: "x" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "y" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "color" type: BYTES presence { min_count: 1 } }
"""


@pytest.fixture(scope="module")
def trained(
    examples: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Artifact, Artifact]]:
    """(Model, TransformGraph) of a training whose module does this harm."""
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import EstimatorTrainer, FeatureColumnTransform

    root = tmp_path_factory.mktemp("skew")
    (root / "schema").mkdir()
    (root / "schema" / "schema.pbtxt").write_text(SCHEMA)
    plain = root / "plain.py"
    plain.write_text(MODULE)
    given = [
        Importer(
            source_uri=examples.uri,
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": examples.split_names},
        ).with_id("examples"),
        Importer(
            source_uri=str(root / "schema"), artifact_type=standard_artifacts.Schema
        ).with_id("schema"),
    ]  # fmt: skip
    transform = FeatureColumnTransform(
        examples=given[0].outputs["result"],
        schema=given[1].outputs["result"],
        module_file=str(plain),
        label_key="y",
    )

    def trainer(name: str, module: pathlib.Path) -> Any:
        return EstimatorTrainer(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            feature_columns=transform.outputs["feature_columns"],
            module_file=str(module),
            train_args=trainer_pb2.TrainArgs(num_steps=10),
            checkpoint_store=str(root / f"{name} checkpoints"),
        ).with_id(name)

    trainers = [trainer("default", plain)]
    for name, harm in HARMS.items():
        module = root / f"{name}.py"
        module.write_text(MODULE + RECEIVER.replace("HARM", harm))
        trainers.append(trainer(name, module))
    LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="skew",
            pipeline_root=str(root / "artifacts"),
            components=[*given, transform, *trainers],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(root / "metadata.sqlite")
            ),
        )
    )

    def find(name: str) -> tuple[Artifact, Artifact]:
        model, graph = standard_artifacts.Model(), standard_artifacts.TransformGraph()
        (folder,) = (root / "artifacts" / name / "model").iterdir()
        model.uri = str(folder)
        (folder,) = (root / "artifacts" / transform.id / "transform_graph").iterdir()
        graph.uri = str(folder)
        return model, graph

    return find


@pytest.fixture
def report(evaluate: Callable[..., Report], trained: Any) -> Callable[..., Report]:
    def run(name: str, config: str = "", **changes: Any) -> Report:
        model, graph = trained(name)
        return evaluate(config, model=model, **{"graph": graph, **changes})

    return run


@pytest.mark.parametrize("name", ["default", "own"])
def test_a_model_that_is_served_what_it_learned(report: Any, name: str) -> None:
    found = report(name)
    assert found.blessed is None
    assert (found.skew.rows, found.skew.differing, found.skew.features) == (300, 0, ())
    assert str(found.skew) == "no train/serve skew in 300 rows"


def test_features_that_are_served_otherwise(report: Any, capfd: Any) -> None:
    found = report("harmed")
    assert found.blessed is False
    skew = found.skew
    assert skew.rows == 300
    assert skew.differing > 250
    assert 0 < skew.largest < 1
    color, x = skew.features
    assert (color.feature, x.feature) == ("color", "x")
    assert color.rows > 200
    assert x.rows > 250
    assert x.largest > 1
    for words in (found.reason, capfd.readouterr().err):
        assert "the feature 'x' differs in" in words
        assert "Have serving_input_receiver_fn make its features with" in words


def test_thresholds_do_not_outweigh_skew(report: Any) -> None:
    threshold = """metrics_specs { metrics { class_name: 'AUC' config: '{"name": "auc"}'
    threshold { value_threshold { lower_bound { value: 0.01 } } } } }"""
    found = report("harmed", threshold)
    assert found.checks[0].passed
    assert found.blessed is False


def test_no_verdict_on_skew_without_the_transform(report: Any, evaluate: Any, trained: Any) -> None:
    assert report("harmed", graph=None).skew is None
    _, graph = trained("harmed")
    # A model that another trainer has made says nothing of its features.
    assert evaluate(graph=graph).skew is None


def test_the_names_lie_beside_the_model(trained: Any) -> None:
    model, _ = trained("default")
    path = pathlib.Path(model.uri, "Format-Serving/assets.extra/tfx_estimators_features.json")
    assert set(json.loads(path.read_text())) == {"x", "color"}
