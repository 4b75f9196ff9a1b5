"""Beam steps beside the transform give the same on a Flink cluster as in this process.

For the transform itself see `transform/test_engines.py`, which has more engines.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from engines import Engine
from tensorflow_metadata.proto.v0 import statistics_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from tfx_estimators.components import EstimatorEvaluator, EstimatorPredictor
from tfx_estimators.components.evaluator.report import load_report

pytestmark = pytest.mark.slow

Outputs = dict[str, Artifact]
EVAL_CONFIG = """
slicing_specs {}
slicing_specs { feature_keys: "color" }
metrics_specs {
  per_slice_thresholds {
    key: "auc"
    value {
      thresholds {
        slicing_specs {}
        threshold {
          value_threshold { lower_bound { value: 0.6 } }
          change_threshold { direction: HIGHER_IS_BETTER absolute { value: -0.1 } }
        }
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine("flink", tmp_path_factory.mktemp("flink")) as engine:
        yield engine


def run(
    component: Any, inputs: dict[str, Artifact], folder: pathlib.Path, flags: list[str]
) -> Outputs:
    """Runs a component's executor as TFX does with `beam_pipeline_args`."""
    outputs = {}
    for key, channel in component.outputs.items():
        outputs[key] = channel.type()
        outputs[key].uri = str(folder / key)
    context = BaseBeamExecutor.Context(beam_pipeline_args=flags, tmp_dir=str(folder / "tmp"))
    properties = {k: v for k, v in component.exec_properties.items() if v is not None}
    component.executor_spec.executor_class(context).Do(
        {key: [artifact] for key, artifact in inputs.items()},
        {key: [artifact] for key, artifact in outputs.items()},
        properties,
    )
    return outputs


@pytest.fixture
def both(flink: Engine, tmp_path: pathlib.Path) -> Callable[..., tuple[Outputs, Outputs]]:
    """The outputs of the direct runner in this process, and of the cluster."""

    def compare(component: Any, **inputs: Artifact) -> tuple[Outputs, Outputs]:
        direct = run(component, inputs, tmp_path / "direct", [])
        return direct, run(component, inputs, tmp_path / "flink", flink.flags)

    return compare


def records(folder: str | pathlib.Path, kind: Any) -> list[bytes]:
    """Messages in an order of their own, as are the files and the maps in each message."""
    files = sorted(str(file) for file in pathlib.Path(folder).rglob("*.gz"))
    found = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    return sorted(kind.FromString(one).SerializeToString(deterministic=True) for one in found)


def statistics(folder: str) -> dict[str, tuple[int, float]]:
    """By feature: how many examples have it, and the mean of numbers."""
    (file,) = pathlib.Path(folder).glob("Split-eval/*.pb")
    read = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
    return {
        feature.path.step[0]: (
            (feature.num_stats if feature.HasField("num_stats") else feature.string_stats)
            .common_stats.num_non_missing,
            feature.num_stats.mean,
        )
        for feature in read.datasets[0].features
    }  # fmt: skip


def test_example_gen_on_a_cluster(both: Any, tmp_path: pathlib.Path) -> None:
    lines = [f"{number},{number % 2}" for number in range(500)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data.csv").write_text("\n".join(["x,y", *lines]) + "\n")
    direct, cluster = both(CsvExampleGen(input_base=str(tmp_path / "data")))
    made = [records(made["examples"].uri, tf.train.Example) for made in (direct, cluster)]
    assert len(made[0]) == 500
    assert made[0] == made[1]
    splits = [
        records(pathlib.Path(one["examples"].uri, "Split-eval"), tf.train.Example)
        for one in (direct, cluster)
    ]
    assert splits[0] == splits[1]


def test_statistics_gen_on_a_cluster(both: Any, channel: Any, examples: Artifact) -> None:
    component = StatisticsGen(examples=channel(standard_artifacts.Examples))
    direct, cluster = (
        statistics(made["statistics"].uri) for made in both(component, examples=examples)
    )
    assert {"x", "y", "color", "w"} <= direct.keys()
    assert direct.keys() == cluster.keys()
    for name, (count, mean) in direct.items():
        assert cluster[name] == (count, pytest.approx(mean, rel=1e-6))


def test_predictor_on_a_cluster(
    both: Any, channel: Any, examples: Artifact, model: Artifact
) -> None:
    component = EstimatorPredictor(
        examples=channel(standard_artifacts.Examples), model=channel(standard_artifacts.Model)
    )
    direct, cluster = (
        records(made["inference_result"].uri, prediction_log_pb2.PredictionLog)
        for made in both(component, examples=examples, model=model)
    )
    assert len(direct) == 350
    for one, other in zip(direct, cluster, strict=True):
        logs = [
            prediction_log_pb2.PredictionLog.FromString(log).predict_log for log in (one, other)
        ]
        assert logs[0].request == logs[1].request
        wanted, found = (
            {name: tf.make_ndarray(values) for name, values in log.response.outputs.items()}
            for log in logs
        )
        assert found.keys() == wanted.keys()
        for name, values in wanted.items():
            # A cluster makes other batches, and kernels round by where in one an example is.
            if values.dtype.kind == "f":
                np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-6)
            else:
                np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize("way", ["over batches", "by single examples"])
def test_evaluator_on_a_cluster(
    both: Any,
    channel: Any,
    examples: Artifact,
    model: Artifact,
    make_model: Any,
    tmp_path: pathlib.Path,
    capfd: pytest.CaptureFixture[str],
    way: str,
) -> None:
    # Slices by their size are TFMA's alone.
    options = "options { min_slice_size { value: 2 } }" if way == "by single examples" else ""
    component = EstimatorEvaluator(
        examples=channel(standard_artifacts.Examples),
        model=channel(standard_artifacts.Model),
        baseline_model=channel(standard_artifacts.Model),
        label_key="y",
        eval_config=f"{EVAL_CONFIG}{options}",
    )
    baseline = make_model(tmp_path / "baseline", slope=0.5)
    made = both(component, examples=examples, model=model, baseline_model=baseline)
    assert ("goes example by example" in capfd.readouterr().err) == (way == "by single examples")
    direct, cluster = (load_report(one["evaluation"].uri) for one in made)
    assert direct.blessed is cluster.blessed is True
    assert len(direct.slices) == 4
    assert [one.slice for one in direct.slices] == [one.slice for one in cluster.slices]
    for one, other in zip(direct.slices, cluster.slices, strict=True):
        assert other.metrics == pytest.approx(one.metrics, rel=1e-6)
        assert other.baseline == pytest.approx(one.baseline, rel=1e-6)
    for key, verdict in (("blessing", "BLESSED"), ("evaluation", "report.json")):
        assert all(pathlib.Path(one[key].uri, verdict).exists() for one in made)


def test_a_worker_that_dies_fails_the_step_and_the_next_attempt_gives_the_same(
    channel: Any,
    examples: Artifact,
    model: Artifact,
    tmp_path: pathlib.Path,
) -> None:
    component = EstimatorEvaluator(
        examples=channel(standard_artifacts.Examples),
        model=channel(standard_artifacts.Model),
        label_key="y",
        eval_config=EVAL_CONFIG,
    )
    inputs = {"examples": examples, "model": model}
    expected = load_report(run(component, inputs, tmp_path / "direct", [])["evaluation"].uri)
    with Engine("flink", tmp_path, dies=tmp_path / "died") as engine:
        with pytest.raises(RuntimeError, match="failed in state FAILED"):
            run(component, inputs, tmp_path / "failed", engine.flags)
        assert (tmp_path / "died").exists()
        assert not list((tmp_path / "failed").glob("evaluation/*"))
        assert not list((tmp_path / "failed").glob("blessing/*"))
        made = run(component, inputs, tmp_path / "again", engine.flags)
    report = load_report(made["evaluation"].uri)
    assert report.blessed is expected.blessed is True
    for one, other in zip(expected.slices, report.slices, strict=True):
        assert other.metrics == pytest.approx(one.metrics, rel=1e-6)
