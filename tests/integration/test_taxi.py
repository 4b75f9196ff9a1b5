"""The main job, run as its users run it, and what it promises about the pushed model."""

from __future__ import annotations

import dataclasses
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from browser import chromium, open_browser
from click.testing import CliRunner

from tfx_estimators.cli import main
from tfx_estimators.components.evaluator.report import Report, load_report
from tfx_estimators.lineage.outputs import Produced
from tfx_estimators.pipelines.workspace import Workspace

pytestmark = pytest.mark.stacks

TESTDATA = pathlib.Path(__file__).resolve().parents[1] / "testdata"
STEPS = 10


@dataclasses.dataclass(frozen=True)
class Run:
    """One finished run of `tfx-estimators run taxi`."""

    root: pathlib.Path
    data: pathlib.Path
    table: str
    progress: str

    def made(self, node: str) -> Produced:
        return Workspace("taxi", self.root).made(node)

    def report(self) -> Report:
        return load_report(self.made("EstimatorEvaluator").uri("evaluation"))

    def pushed(self) -> pathlib.Path:
        (version,) = (self.root / "serving").glob("[0-9]*")
        return version


def _run(root: pathlib.Path, data: pathlib.Path, *flags: str) -> Run:
    answer = subprocess.run(
        [sys.executable, *flags, "-m", "tfx_estimators.cli", "run", "taxi",
         "--root", str(root), "--data", str(data)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-3000:]
    return Run(root, data, answer.stdout, answer.stderr)


@pytest.fixture(scope="module")
def taxi(tmp_path_factory: pytest.TempPathFactory, taxi_folder: pathlib.Path) -> Run:
    return _run(tmp_path_factory.mktemp("taxi") / "root", taxi_folder)


@pytest.fixture(scope="module")
def eval_trips(taxi: Run) -> list[bytes]:
    """Serialized tf.Examples of the eval split, as ExampleGen wrote them."""
    import tensorflow as tf

    files = sorted(pathlib.Path(taxi.made("CsvExampleGen").uri("examples")).glob("Split-eval/*"))
    records = tf.data.TFRecordDataset([str(file) for file in files], compression_type="GZIP")
    return list(records.as_numpy_iterator())


def test_every_step_is_shown_and_ends(taxi: Run) -> None:
    for number in range(1, STEPS + 1):
        assert f"[{number}/{STEPS}] " in taxi.progress
    assert taxi.progress.count(": done (") == STEPS
    assert "loss=" in taxi.progress
    assert "examples" in taxi.progress


def test_table_shows_metrics_verdict_and_places(taxi: Run) -> None:
    assert "overall" in taxi.table
    assert "payment_type: Credit Card" in taxi.table
    # Nobody tipped on those: there is no AUC.
    (no_charge,) = [row for row in taxi.table.splitlines() if "No Charge" in row]
    assert no_charge.split()[:6:5] == ["payment_type:", "-"]
    assert "blessed      yes" in taxi.table
    assert str(taxi.pushed()) in taxi.table
    assert "tensorboard --logdir" in taxi.table


def test_the_documented_verdict_is_the_one_that_this_pipeline_has() -> None:
    from tfx_estimators.pipelines.taxi.verdict import EVAL_CONFIG

    assert EVAL_CONFIG in (TESTDATA.parents[1] / "docs" / "evaluating.md").read_text()


def test_model_is_worth_pushing_and_equal_on_every_stack(taxi: Run) -> None:
    """The same data and seed give the same AUC on the three stacks, within 0.005."""
    reference = json.loads((TESTDATA / "taxi_metrics.json").read_text())
    auc = taxi.report().overall().metrics["auc"]
    assert auc == pytest.approx(reference["auc"], abs=0.0025)


def test_pushed_model_serves_where_neither_tfx_nor_we_are(
    taxi: Run, eval_trips: list[bytes], tmp_path: pathlib.Path
) -> None:
    np.save(tmp_path / "trips.npy", np.array(eval_trips, dtype=object), allow_pickle=True)
    program = f"""
import sys
import numpy as np
import tensorflow as tf
trips = np.load({str(tmp_path / "trips.npy")!r}, allow_pickle=True)
model = tf.saved_model.load({str(taxi.pushed())!r})
answer = model.signatures["predict"](examples=tf.constant(list(trips)))
assert not [m for m in sys.modules if m.startswith(("tfx", "tensorflow_estimator"))]
assert {{"serving_default", "predict", "classification"}} <= set(model.signatures)
np.save({str(tmp_path / "probabilities.npy")!r}, answer["probabilities"].numpy())
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
    served = np.load(tmp_path / "probabilities.npy")
    assert served.shape == (len(eval_trips), 2)
    np.testing.assert_allclose(served, _estimator_predictions(taxi), rtol=0, atol=1e-6)


def test_evaluation_equals_estimator_evaluate(taxi: Run) -> None:
    trained = _trained(taxi)
    expected = trained.evaluate(_transformed_input(taxi))
    ours = taxi.report().overall().metrics
    for name in ("accuracy", "auc", "auc_precision_recall", "average_loss"):
        assert ours[name] == pytest.approx(float(expected[name]), abs=1e-6), name


def _estimator_predictions(taxi: Run) -> Any:
    trained = _trained(taxi)
    return np.stack([p["probabilities"] for p in trained.predict(_transformed_input(taxi))])


def _trained(taxi: Run) -> Any:
    """The estimator over the checkpoints of the run."""
    from tfx_estimators import estimator
    from tfx_estimators.estimator.columns import load_model_columns
    from tfx_estimators.pipelines.taxi import model

    columns = load_model_columns(
        model.feature_columns(),
        taxi.made("FeatureColumnTransform").uri("feature_columns") + "/columns.json",
    )
    config = estimator.RunConfig(model_dir=taxi.made("EstimatorTrainer").uri("model_run"))
    return model.estimator_fn(columns, config, {})


def _transformed_input(taxi: Run) -> Any:
    """Reads the transformed eval split in order, once, with nothing of ours."""
    import tensorflow as tf
    import tensorflow_transform as tft

    transform = taxi.made("FeatureColumnTransform")
    spec = tft.TFTransformOutput(transform.uri("transform_graph")).transformed_feature_spec()
    folder = pathlib.Path(transform.uri("transformed_examples")) / "Split-eval"
    files = sorted(str(file) for file in folder.glob("*"))

    def input_fn() -> Any:
        def parse(batch: Any) -> Any:
            features = tf.io.parse_example(batch, spec)
            return features, features.pop("big_tipper")

        return tf.data.TFRecordDataset(files, compression_type="GZIP").batch(500).map(parse)

    return input_fn


@pytest.fixture(scope="module")
def page(taxi: Run) -> pathlib.Path:
    """The run's report."""
    file = taxi.root / "made" / "report.html"
    answer = CliRunner().invoke(
        main, ["report", "latest", "--metadata", str(taxi.root), "-o", str(file)]
    )
    assert answer.exit_code == 0, answer.output
    assert str(file) in answer.output
    return file


def test_a_report_is_one_file_that_tells_all_of_the_run(taxi: Run, page: pathlib.Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < 3e6
    assert re.findall(r"(?:src|href)=\"(?!#|data:)|url\((?!#)|@import|<script", text) == []
    assert "could not be read" not in text
    sections = dict(re.findall(r'<section id="(\w+)".*?>(.*?)</section>', text, re.DOTALL))
    for node in ("CsvExampleGen", "EstimatorTrainer", "EstimatorPusher"):
        assert node in sections["pipeline"]
    # The last loss, as TensorBoard has it, and the checkpoints by step.
    assert "Loss by step: training goes from" in sections["training"]
    assert re.search(r'<th scope="row">400</th>', sections["training"])
    overall = taxi.report().overall().metrics
    assert f">{overall['auc']:.4g}<" in sections["evaluation"]
    assert "at least 0.7" in sections["evaluation"]
    assert taxi.report().reason in sections["evaluation"]
    assert "payment_type: Credit Card" in sections["evaluation"]
    # All of the evaluation's examples are fewer than what is asked of the model.
    assert set(re.findall(r"label [01]: ([\d,]+) of", sections["predictions"])) == set(
        _counts(overall)
    )
    # Who pays cash leaves no tip that anybody writes down.
    assert re.search(r"<desc[^>]*>payment_type \d", sections["importance"])
    assert "payment_type = Credit Card" in sections["weights"]
    assert "Histogram of fare." in sections["data"]
    assert "learns from the data in the analysis pass" in sections["columns"]
    assert taxi.pushed().name in sections["lineage"]
    assert "tensorflow-transform" in sections["environment"]
    assert "There is no earlier run" in sections["comparison"]


def _counts(overall: Mapping[str, float]) -> list[str]:
    """True negatives and true positives, as the metrics of an evaluation have them."""
    count, positive = overall["example_count"], overall["example_count"] * overall["label/mean"]
    true = overall["recall"] * positive
    return [f"{round(overall['accuracy'] * count - true):,}", f"{round(true):,}"]


def test_what_names_contain_is_shown_and_never_obeyed(taxi: Run) -> None:
    from tfx_estimators.lineage.runs import find_run
    from tfx_estimators.lineage.store import open_store
    from tfx_estimators.report.page import page
    from tfx_estimators.report.parts import Facts, Section, Table
    from tfx_estimators.report.plots import bars
    from tfx_estimators.report.subject import look_at

    store = open_store(taxi.root)
    evil = "<script>alert(1)</script>\u202e$x^{$ password=hunter2"
    parts = [
        Facts([(evil, evil)]),
        Table(evil, [evil], [[evil]]),
        bars(evil, evil, [(evil, 1.0)]),
    ]
    text = page(look_at(store, find_run(store, "latest")), [Section("evil", evil, parts)])
    assert "<script" not in text
    assert "\u202e" not in text
    assert "hunter2" not in text


def test_a_model_becomes_a_keras_model_that_predicts_the_same(
    taxi: Run, tmp_path: pathlib.Path
) -> None:
    import keras

    (data,) = taxi.data.glob("*.csv")
    answer = CliRunner().invoke(
        main,
        ["export-keras", taxi.pushed().name, "--metadata", str(taxi.root), "--data", str(data),
         "-o", str(tmp_path / "taxi.keras")],
    )  # fmt: skip
    if keras.__version__.startswith("2."):
        assert answer.exit_code != 0
        assert "is installed" in answer.output
        assert not list(tmp_path.iterdir())
        return
    assert answer.exit_code == 0, answer.output
    assert "company: string [batch, any number]" in answer.output
    said = re.search(r"largest difference over (\d+) rows: (\S+)", answer.output)
    assert said is not None
    assert int(said[1]) > 1000
    assert float(said[2]) < 1e-5
    loaded = keras.models.load_model(tmp_path / "taxi.keras")
    assert loaded.output_shape == (None, 1)


def test_status_says_how_far_a_training_is(taxi: Run, tmp_path: pathlib.Path) -> None:
    from tfx_estimators.lineage.maintenance.unfinished import note_process
    from tfx_estimators.lineage.runs import find_run
    from tfx_estimators.lineage.store import open_store
    from tfx_estimators.report.standing import standings
    from tfx_estimators.report.subject import look_at
    from tfx_estimators.report.training import summaries_of

    shown = CliRunner().invoke(main, ["status", "latest", "--metadata", str(taxi.root)])
    assert "checkpoint of step 400 of 400" in shown.output

    shutil.copytree(taxi.root / "metadata", tmp_path / "metadata")
    store = open_store(tmp_path, write=True)

    def trainer() -> Any:
        subject = look_at(store, find_run(store, "latest"))
        (found,) = [one for one in standings(subject) if one.step == "EstimatorTrainer"]
        return subject, found

    subject, found = trainer()
    assert (found.state, found.reached, found.wanted) == ("complete", 400, 400)
    assert pathlib.Path(f"{found.checkpoint}.index").is_file()
    assert any(pathlib.Path(summaries_of(subject) or "").glob("events.out.tfevents.*"))
    # As a process leaves it that was killed while it trained.
    (execution,) = store.get_executions_by_id([subject.nodes["EstimatorTrainer"].step.id])
    execution.last_known_state = execution.RUNNING
    store.put_executions([execution])
    assert trainer()[1].state == "interrupted"
    # As one leaves it that still runs.
    note_process(store, execution.id)
    assert trainer()[1].state == "running"
    assert trainer()[1].reached == 400


@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
def test_a_report_is_readable_in_a_browser_on_a_phone_and_by_ear(page: pathlib.Path) -> None:
    with open_browser() as tab:
        for width, dark in ((1280, False), (390, False), (390, True)):
            tab.show(page, width=width, dark=dark)
            assert tab.complaints == []
            assert tab.requests == [page.resolve().as_uri()]
            assert tab.value("document.documentElement.scrollWidth") <= width
            assert tab.value(LOW_CONTRAST) == []
        levels = tab.value("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        assert tab.value("[...document.querySelectorAll('th')].every(e => e.scope)")
        assert tab.value("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == (
            tab.value("document.querySelectorAll('[id]').length")
        )
        spoken = tab.spoken()
        pictures = [name for role, name in spoken if role in ("image", "img")]
        assert len(pictures) == tab.value("document.querySelectorAll('svg').length") > 20
        assert all(pictures)
        assert {"banner", "navigation", "main", "contentinfo"} <= {role for role, _ in spoken}
        # By the keyboard alone: first past the contents, then through them, always seen where.
        tab.press("Tab")
        assert tab.value("document.activeElement.className") == "skip"
        for _ in range(3):
            assert tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            tab.press("Tab")
        assert tab.value("document.activeElement.closest('nav') !== null")


# Texts whose colour is nearer to what is behind them than WCAG 2 allows (AA).
LOW_CONTRAST = """(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const color = parts(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .filter(e => !e.closest('title, desc') && e.getClientRects().length)
    .filter(e => {
      const style = getComputedStyle(e);
      const color = parts(e.closest('svg') ? style.fill : style.color);
      const [a, b] = [light(color), light(behind(e))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05) < 4.5;
    })
    .map(e => e.textContent.trim().slice(0, 40));
})()"""


# Last: for the tests above, the first run is the newest.
def test_second_run_is_answered_from_the_cache(taxi: Run) -> None:
    again = _run(taxi.root, taxi.data, "-X", "importtime")
    assert again.progress.count(": cached") == STEPS - 1  # a resolver always looks again
    assert again.table == taxi.table
    # Nothing of TensorFlow is in Beam's hands when Python ends.
    assert "Exception ignored" not in taxi.progress + again.progress
    # None of it takes the libraries, or an executor.
    imported = {line.rpartition("|")[2].strip() for line in again.progress.splitlines()}
    assert "tfx_estimators.pipelines.steps" in imported
    libraries = {"tensorflow.python", "tensorflow_transform", "tensorflow_model_analysis.api"}
    executors = {
        "tfx.components.statistics_gen.executor",
        "tfx_estimators.components.trainer.executor",
    }
    assert not (libraries | executors) & imported
