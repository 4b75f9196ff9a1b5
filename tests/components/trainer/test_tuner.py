"""A search for hyperparameters: what is tried, what comes out, and what a kill costs."""

from __future__ import annotations

import json
import multiprocessing
import os
import pathlib
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tfx_estimators.components.tuner.search import (
    BayesianSearch,
    GridSearch,
    Hyperband,
    RandomSearch,
    from_json,
    to_json,
)
from tfx_estimators.errors import (
    EstimatorTypeError,
    ModuleContractError,
    TrainingError,
    UnsupportedOptionError,
)

MODULES = pathlib.Path(__file__).parent / "modules"
MODULE = """
import os

def hyperparameters():
    import keras_tuner
    choices = keras_tuner.HyperParameters()
    choices.Choice("rate", [1e-6, 1e-5, 1e-4, 0.5, -1.0])
    return choices

def estimator_fn(columns, config, params):
    with open(os.environ["TRIALS_LOG"], "a") as log:
        log.write(f"{params['rate']}\\n")
    if params["rate"] < 0:
        raise ValueError("a rate below 0")
    return tf_estimator.LinearClassifier(
        columns["linear"] + columns["dnn"][:1],
        optimizer=tf.keras.optimizers.legacy.Ftrl(params["rate"]),
        config=config,
    )
"""


@pytest.fixture(scope="module")
def transformed(
    tmp_path_factory: pytest.TempPathFactory, import_artifacts: Callable[[], list[Any]]
) -> pathlib.Path:
    """What a FeatureColumnTransform made of the points."""
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from tfx_estimators.components import FeatureColumnTransform

    root = tmp_path_factory.mktemp("transformed")
    examples, schema, _ = import_artifacts()
    transform = FeatureColumnTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=str(MODULES / "columns_module.py"),
        label_key="y",
    )
    LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="tuner",
            pipeline_root=str(root),
            components=[examples, schema, transform],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(root / "metadata.sqlite")
            ),
        )
    )
    return root / "FeatureColumnTransform"


@pytest.fixture
def log(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A line for each estimator that a trial has made."""
    monkeypatch.setenv("TRIALS_LOG", str(tmp_path / "trials.log"))
    return tmp_path / "trials.log"


@pytest.fixture
def tune(
    execute: Any,
    channel: Any,
    transformed: pathlib.Path,
    module: Callable[[str], str],
    log: pathlib.Path,
) -> Callable[..., tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Searches on the transformed points; returns the best values and the rows of all trials."""
    from tfx.proto import trainer_pb2, tuner_pb2
    from tfx.types import artifact_utils, standard_artifacts

    from tfx_estimators.components import EstimatorTuner
    from tfx_estimators.components.artifacts import FeatureColumns

    kinds = {
        "transformed_examples": standard_artifacts.Examples,
        "transform_graph": standard_artifacts.TransformGraph,
        "feature_columns": FeatureColumns,
    }

    def run(
        code: str = MODULE, *, steps: int = 20, parallel: int = 2, **arguments: Any
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        inputs = {}
        for key, kind in kinds.items():
            inputs[key.removeprefix("transformed_")] = kind()
            (folder,) = (transformed / key).iterdir()
            inputs[key.removeprefix("transformed_")].uri = str(folder)
        inputs["examples"].split_names = artifact_utils.encode_split_names(["train", "eval"])
        component = EstimatorTuner(
            examples=channel(standard_artifacts.Examples),
            transform_graph=channel(standard_artifacts.TransformGraph),
            feature_columns=channel(FeatureColumns),
            module_file=module(code),
            train_args=trainer_pb2.TrainArgs(num_steps=steps),
            tune_args=tuner_pb2.TuneArgs(num_parallel_trials=parallel),
            **{"objective": "average_loss", **arguments},
        )
        outputs = execute(component, inputs)
        best = pathlib.Path(outputs["best_hyperparameters"].uri, "best_hyperparameters.txt")
        rows = pathlib.Path(outputs["tuner_results"].uri, "tuner_results.json")
        return json.loads(best.read_text()), json.loads(rows.read_text())

    return run


def trainings(tmp_path: pathlib.Path) -> list[pathlib.Path]:
    """The folders of trials in the checkpoint store."""
    store = tmp_path / "checkpoints"
    return [f for f in store.iterdir() if f.is_dir() and not (f / "search.json").exists()]


@pytest.mark.stacks
def test_every_value_is_tried_and_the_best_comes_out_as_from_tfxs_tuner(
    tune: Any,
    log: pathlib.Path,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    best, rows = tune(search=GridSearch())
    assert [row["rate"] for row in rows] == [0.5, 1e-4, 1e-5, 1e-6]
    assert [row["score"] for row in rows] == sorted(row["score"] for row in rows)
    assert best["values"] == {"rate": 0.5}
    assert len(best["space"]) == 1
    said = capsys.readouterr().err
    assert "failed" in said
    assert "a rate below 0" in said
    assert "the best of 5 trials" in said
    told = json.loads((tmp_path / "out" / "tuner_results" / "trials.json").read_text())
    assert (told["objective"], told["direction"]) == ("average_loss", "min")
    by_rate = {one["values"]["rate"]: one for one in told["trials"]}
    assert [*by_rate] == [1e-6, 1e-5, 1e-4, 0.5, -1.0]
    assert by_rate[0.5]["trial"] == told["best"]
    assert by_rate[0.5]["score"] == rows[0]["score"]
    assert by_rate[-1.0]["score"] is None
    assert "a rate below 0" in by_rate[-1.0]["message"]
    # A search that has ended is not made again, nor is any of its trials.
    made = log.read_text()
    assert tune(search=GridSearch())[1] == rows
    assert log.read_text() == made
    assert len(trainings(tmp_path)) == 5
    records = list(tmp_path.glob("checkpoints/*/checkpoint-20-*.record.json"))
    assert len(records) == 4


@pytest.mark.slow
@pytest.mark.stacks
def test_hyperband_goes_on_from_checkpoints_and_a_killed_search_where_it_was(
    tune: Any, log: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    code = MODULE.replace("[1e-6, 1e-5, 1e-4, 0.5, -1.0]", "[i / 100 for i in range(1, 40)]")
    search = Hyperband(rounds=2, factor=3)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=tune, args=(code,), kwargs={"search": search, "steps": 30})
    process.start()
    assert process.pid is not None
    while ended(tmp_path) < 2:
        assert process.is_alive()
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    before = ended(tmp_path)

    best, rows = tune(code, search=search, steps=30)
    # 3 trials of 10 steps, of which the best goes on to 30, and 2 of 30 steps.
    assert len(rows) == 6
    steps = sorted(newest_step(folder) for folder in trainings(tmp_path))
    assert steps == [10, 10, 30, 30, 30]
    assert best["values"].keys() == {"rate"}
    # Each estimator is made once, those that were under way at the kill once more.
    assert len(log.read_text().split()) <= 6 + 2
    assert before >= 2


def ended(tmp_path: pathlib.Path) -> int:
    """How many trials have ended."""
    (state,) = [*tmp_path.glob("checkpoints/*/search.json")] or [None]
    return len(json.loads(state.read_text())["oracle"]["end_order"]) if state else 0


def newest_step(folder: pathlib.Path) -> int:
    return max(int(file.stem.rpartition("-")[2]) for file in folder.glob("model.ckpt-*.index"))


@pytest.mark.parametrize(
    "search",
    [RandomSearch(7, 3), BayesianSearch(4), GridSearch(), GridSearch(9), Hyperband(4, 2)],
)
def test_a_search_is_stored_as_it_is(search: Any) -> None:
    assert from_json(to_json(search)) == search


def test_a_damaged_state_is_set_aside_and_the_search_begins_anew(
    tune: Any, tmp_path: pathlib.Path, log: pathlib.Path
) -> None:
    code = MODULE.replace("[1e-6, 1e-5, 1e-4, 0.5, -1.0]", "[0.5]")
    _, rows = tune(code, search=RandomSearch(1), steps=2, parallel=1)
    (state,) = tmp_path.glob("checkpoints/*/search.json")
    state.write_bytes(state.read_bytes()[:100])
    assert tune(code, search=RandomSearch(1), steps=2, parallel=1)[1] == rows
    assert state.with_name("search.json.damaged").stat().st_size == 100


def test_what_no_search_can_do_is_said_before_or_at_once(tune: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="max_trials=0"):
        RandomSearch(0)
    with pytest.raises(UnsupportedOptionError, match="direction"):
        tune(objective="my_metric")
    with pytest.raises(UnsupportedOptionError, match="num_steps=4"):
        tune(search=Hyperband(), steps=4)
    with pytest.raises(UnsupportedOptionError, match="RandomSearch"):
        tune(search="random")
    with pytest.raises(ModuleContractError, match="hyperparameters"):
        tune("")
    with pytest.raises(UnsupportedOptionError, match="run_fn"):
        tune(MODULE + "\ndef run_fn(fn_args):\n    pass\n")
    with pytest.raises(EstimatorTypeError, match="at least one value"):
        tune(MODULE.replace("return choices", "return None"))
    with pytest.raises(EstimatorTypeError, match="an empty one"):
        tune(MODULE.replace("return choices", "return keras_tuner.HyperParameters()"))


def test_an_objective_that_is_not_measured_ends_the_search(tune: Any) -> None:
    with pytest.raises(TrainingError, match="the objective 'f1'"):
        tune(
            MODULE.replace("[1e-6, 1e-5, 1e-4, 0.5, -1.0]", "[0.1, 0.2, 0.3]"),
            objective="f1",
            direction="max",
            steps=2,
            parallel=1,
        )
