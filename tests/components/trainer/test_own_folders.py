"""Modules that keep their checkpoints elsewhere, or nowhere: none is lost."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts

from tfx_estimators.components import EstimatorTrainer
from tfx_estimators.components.model_digest import hash_model, model_digest
from tfx_estimators.errors import EstimatorTypeError, UserModuleError
from tfx_estimators.estimator.checkpoints import list_checkpoints
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import CheckpointRecord

MODULE = pathlib.Path(__file__).parent / "modules" / "own_folders_module.py"
STEPS = 40


@pytest.fixture
def train(
    execute: Any,
    channel: Any,
    points: Any,
    schema_folder: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, Any]]:
    """Runs a step with the module; one that is to fail raises at a step."""

    def run(contract: str, raise_at: int = -1, case: str = "", model_dir: str = "") -> Any:
        module = tmp_path / f"module_of_{contract}.py"
        text = MODULE.read_text()
        if contract == "run_fn":
            text = text.replace("def trainer_fn", "def unused").replace(
                "def in_serving_model_dir", "def run_fn"
            )
        module.write_text(text)
        monkeypatch.setenv("RAISE_AT", str(raise_at))
        monkeypatch.setenv("CASE", case)
        monkeypatch.delenv("MODEL_DIR", raising=False)
        if model_dir:
            monkeypatch.setenv("MODEL_DIR", model_dir)
        component = EstimatorTrainer(
            examples=channel(standard_artifacts.Examples),
            schema=channel(standard_artifacts.Schema),
            module_file=str(module),
            train_args=trainer_pb2.TrainArgs(num_steps=STEPS),
            eval_args=trainer_pb2.EvalArgs(num_steps=1),
        )
        schema = standard_artifacts.Schema()
        schema.uri = str(schema_folder)
        return execute(component, {"examples": points, "schema": schema})

    return run


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Callable[[], pathlib.Path]:
    def find() -> pathlib.Path:
        (folder,) = [path for path in (tmp_path / "checkpoints").iterdir() if path.is_dir()]
        return folder

    return find


def check_model(outputs: dict[str, Any]) -> None:
    model = outputs["model"]
    serving = pathlib.Path(model.uri, "Format-Serving")
    assert (serving / "saved_model.pb").is_file()
    assert not (serving / "fingerprint.pb").exists()
    digest = model_digest(hash_model(str(serving)))
    assert model.get_string_custom_property("model_digest") == digest
    assert model.get_int_custom_property("step") == STEPS


def recorded(folder: pathlib.Path) -> list[tuple[int, int | None, bool]]:
    found = read_records(str(folder)).values()
    kept = [record for record in found if isinstance(record, CheckpointRecord)]
    return sorted((record.step, record.global_examples, record.kept) for record in kept)


@pytest.mark.parametrize("contract", ["run_fn", "trainer_fn"])
def test_a_module_without_a_folder_in_the_store_goes_on_there(
    train: Any,
    store: Callable[[], pathlib.Path],
    contract: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """`run_fn` trains in `fn_args.serving_model_dir`, `trainer_fn` without a model_dir."""
    with pytest.raises(ValueError, match="as told"):
        train(contract, raise_at=25)
    steps = [checkpoint.step for checkpoint in list_checkpoints(str(store()))]
    assert steps[-1] == 20
    check_model(train(contract))
    assert "going on from step 20" in capfd.readouterr().err
    found = recorded(store())
    assert [step for step, _, _ in found][-1] == STEPS
    if contract == "trainer_fn":  # two examples a step, counted from the first
        assert [examples for _, examples, _ in found] == [2 * step for step, _, _ in found]
    # Done again it trains no step, and comes to the same.
    check_model(train(contract))


def test_a_model_dir_of_the_modules_own_is_gone_on_in(
    train: Any,
    store: Callable[[], pathlib.Path],
    tmp_path: pathlib.Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    own = str(tmp_path / "own")
    with pytest.raises(ValueError, match="as told"):
        train("trainer_fn", raise_at=25, model_dir=own)
    check_model(train("trainer_fn", model_dir=own))
    assert f"going on from step 20 in {own}" in capfd.readouterr().err
    assert recorded(store())[-1] == (STEPS, 2 * STEPS, True)
    assert all(kept for _, _, kept in recorded(store()))


def test_what_no_model_can_come_of_is_refused_before_training(
    train: Any, store: Callable[[], pathlib.Path]
) -> None:
    with pytest.raises(EstimatorTypeError, match="without exporters"):
        train("trainer_fn", case="no exporters")
    assert not list_checkpoints(str(store()))


@pytest.mark.parametrize(
    ("contract", "case"),
    [
        ("run_fn", "exit in contract"),
        ("trainer_fn", "_exit in hook"),
        ("trainer_fn", "exit in metrics"),
        ("run_fn", "exit in exporter"),
        ("trainer_fn", "_exit in serving"),
    ],
)
def test_an_exit_in_the_module_is_an_error(train: Any, contract: str, case: str) -> None:
    with pytest.raises(UserModuleError, match=r"sys\.exit\(0\)"):
        train(contract, case=case)


def test_an_exit_in_the_input_is_an_error(train: Any) -> None:
    with pytest.raises(tf.errors.OpError, match="SystemExit"):
        train("trainer_fn", case="exit in rows")
