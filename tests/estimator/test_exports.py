"""SavedModels: their receivers and signatures, and which of them exporters keep."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import custom
import numpy as np
import pytest
import small_data
import tensorflow as tf

v1 = tf.compat.v1

pytestmark = [
    pytest.mark.usefixtures("activated"),
    pytest.mark.conformance("exports"),
]


def receiver() -> Any:
    """A parsing receiver; a function, because columns belong to a graph."""
    wide, deep = small_data.columns()
    spec = tf.feature_column.make_parse_example_spec([*wide, *deep])
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(spec)()


@pytest.fixture(scope="module")
def wide_and_deep(activated: None) -> Any:
    wide, deep = small_data.columns()
    made = tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=wide, dnn_feature_columns=deep, dnn_hidden_units=[4]
    )
    return made.train(small_data.input_fn(), steps=2)


def predicted(made: Any, key: str) -> Any:
    features, _ = small_data.examples()
    rows = made.predict(lambda: tf.data.Dataset.from_tensor_slices(features).batch(64))
    return np.stack([row[key] for row in rows])


@pytest.mark.stacks
def test_a_parsing_receiver_serves_what_the_estimator_predicts(
    wide_and_deep: Any, tmp_path: pathlib.Path
) -> None:
    folder = wide_and_deep.export_saved_model(str(tmp_path), receiver).decode()
    loaded = tf.saved_model.load(folder)
    assert set(loaded.signatures) == {"serving_default", "predict", "classification", "regression"}
    features, _ = small_data.examples()
    serialized = tf.constant(small_data.serialized(features))
    served = loaded.signatures["predict"](serialized)["probabilities"]
    expected = predicted(wide_and_deep, "probabilities")
    np.testing.assert_allclose(served, expected, atol=1e-6)
    scores = loaded.signatures["classification"](serialized)["scores"]
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.stacks
def test_a_raw_receiver_serves_what_the_estimator_predicts(tmp_path: pathlib.Path) -> None:
    """And a model function names as many signatures as it likes."""
    made = custom.estimator(str(tmp_path / "model")).train(small_data.input_fn(), steps=2)

    def raw() -> Any:
        features = {
            "number": v1.placeholder(tf.float32, [None], name="number"),
            "word": v1.placeholder(tf.string, [None], name="word"),
        }
        return tf.estimator.export.build_raw_serving_input_receiver_fn(features)()

    notes = tmp_path / "notes.txt"
    notes.write_text("made by a test")
    folder = made.export_saved_model(
        str(tmp_path / "exports"), raw, assets_extra={"notes/here.txt": str(notes)}
    ).decode()
    assert (pathlib.Path(folder) / "assets.extra/notes/here.txt").read_text() == "made by a test"
    loaded = tf.saved_model.load(folder)
    assert set(loaded.signatures) == {"serving_default", "predict", "scores"}
    features, _ = small_data.examples()
    tensors = {name: tf.constant(value) for name, value in features.items()}
    served = loaded.signatures["predict"](**tensors)
    expected = predicted(made, "probabilities")
    np.testing.assert_allclose(served["probabilities"], expected, atol=1e-6)
    np.testing.assert_array_equal(served["class"], predicted(made, "class"))
    scores = loaded.signatures["scores"](**tensors)["scores"]
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.slow
def test_the_graphs_of_training_and_evaluation_can_be_exported_too(
    wide_and_deep: Any, tmp_path: pathlib.Path
) -> None:
    features, label = small_data.examples()
    supervised = tf.estimator.experimental.build_raw_supervised_input_receiver_fn(
        {name: tf.constant(value) for name, value in features.items()}, tf.constant(label)
    )
    folder = wide_and_deep.experimental_export_all_saved_models(
        str(tmp_path),
        {tf.estimator.ModeKeys.EVAL: supervised, tf.estimator.ModeKeys.PREDICT: receiver},
    ).decode()
    with tf.Graph().as_default(), v1.Session() as session:
        graph = v1.saved_model.load(session, ["eval"], folder)
        assert "eval" in graph.signature_def
    assert "predict" in tf.saved_model.load(folder, tags=["serve"]).signatures


def raw_receiver() -> Any:
    features = {
        "number": v1.placeholder(tf.float32, [None]),
        "word": v1.placeholder(tf.string, [None]),
    }
    return tf.estimator.export.ServingInputReceiver(features, features)


def session(folder: pathlib.Path, exporters: Any, max_steps: int, learning_rate: float) -> Any:
    """One process's life: trains on from the last checkpoint, evaluates, exports."""
    made = custom.estimator(str(folder), learning_rate=learning_rate)
    return tf.estimator.train_and_evaluate(
        made,
        tf.estimator.TrainSpec(small_data.input_fn(), max_steps=max_steps),
        tf.estimator.EvalSpec(small_data.input_fn(), steps=4, exporters=exporters, throttle_secs=0),
    )


def exports(folder: pathlib.Path, name: str) -> list[str]:
    return sorted(path.name for path in (folder / "export" / name).iterdir())


@pytest.mark.stacks
def test_the_final_and_the_latest_exporter(tmp_path: pathlib.Path) -> None:
    session(
        tmp_path,
        [
            tf.estimator.FinalExporter("final", raw_receiver),
            tf.estimator.LatestExporter("latest", raw_receiver, exports_to_keep=1),
        ],
        max_steps=2,
        learning_rate=0.1,
    )
    assert len(exports(tmp_path, "final")) == 1
    assert len(exports(tmp_path, "latest")) == 1


def served_loss(folder: pathlib.Path) -> float:
    """The loss of the model that was exported last."""
    (*_, newest) = exports(folder, "best")
    loaded = tf.saved_model.load(str(folder / "export" / "best" / newest))
    features, label = small_data.examples()
    probabilities = loaded.signatures["predict"](
        **{name: tf.constant(value) for name, value in features.items()}
    )["probabilities"].numpy()
    return float(-np.log(probabilities[np.arange(64), label]).mean())


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("whole", marks=pytest.mark.stacks),
        pytest.param("gone", marks=pytest.mark.slow),
        pytest.param("damaged", marks=pytest.mark.slow),
    ],
)
def test_the_best_export_stays_the_best_after_a_restart(note: str, tmp_path: pathlib.Path) -> None:
    """Upstream's exports the first model after a restart, whatever it came to."""

    def best() -> Any:
        return tf.estimator.BestExporter("best", raw_receiver)

    first, _ = session(tmp_path, best(), max_steps=5, learning_rate=0.1)
    (kept,) = exports(tmp_path, "best")
    file = tmp_path / "export" / "best.best.json"
    if note == "gone":  # as a training looks that began before there was a note
        file.unlink()
    elif note == "damaged":
        file.write_text('{"result"')
    worse, _ = session(tmp_path, best(), max_steps=7, learning_rate=1.0)
    assert worse["loss"] > first["loss"]
    assert exports(tmp_path, "best") == [kept]
    assert served_loss(tmp_path) == pytest.approx(first["loss"], abs=1e-5)
    better, _ = session(tmp_path, best(), max_steps=47, learning_rate=0.1)
    assert better["loss"] < first["loss"]
    assert len(exports(tmp_path, "best")) == 2
    assert served_loss(tmp_path) == pytest.approx(better["loss"], abs=1e-5)


@pytest.mark.stacks
def test_an_export_that_was_interrupted_is_not_taken_for_the_best(tmp_path: pathlib.Path) -> None:
    made = custom.estimator(str(tmp_path)).train(small_data.input_fn(), steps=1)
    folder = str(tmp_path / "export" / "best")

    def offer(loss: float, receive: Any = raw_receiver) -> bool:
        exporter = tf.estimator.BestExporter("best", receive)
        result = {"loss": np.float32(loss), "global_step": 1}
        return exporter.export(made, folder, made.latest_checkpoint(), result, False) is not None

    def interrupted() -> Any:
        raise KeyboardInterrupt

    assert offer(0.5)
    assert not offer(0.6)
    with pytest.raises(KeyboardInterrupt):
        offer(0.1, interrupted)
    assert not offer(0.6)
    assert offer(0.4)
    note = json.loads((tmp_path / "export" / "best.best.json").read_text())
    assert note["result"]["loss"] == pytest.approx(0.4)
    assert len(exports(tmp_path, "best")) == 2


@pytest.mark.stacks
def test_what_is_best_is_compared_as_the_user_says(tmp_path: pathlib.Path) -> None:
    made = custom.estimator(str(tmp_path)).train(small_data.input_fn(), steps=1)

    def more_often_right(best_eval_result: Any, current_eval_result: Any) -> bool:
        return bool(current_eval_result["hits"][1] > best_eval_result["hits"][1])

    def offer(hits: list[float]) -> bool:
        exporter = tf.estimator.BestExporter(
            "best", raw_receiver, compare_fn=more_often_right, event_file_pattern=None
        )
        result = {"hits": np.array(hits), "note": b"text"}
        folder = str(tmp_path / "export" / "best")
        return exporter.export(made, folder, made.latest_checkpoint(), result, False) is not None

    assert offer([0.9, 0.5])
    assert not offer([1.0, 0.4])
    assert offer([0.0, 0.6])
