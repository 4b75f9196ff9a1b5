"""Parameters that a pipeline declares, and `run --set`."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import pytest
from click.testing import CliRunner

from tfx_estimators.cli import main
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.pipelines.parameters import Parameter, declared_parameters, parse_settings

PIPELINE = '''
from typing import Annotated, Any

from tfx_estimators.pipelines.parameters import Parameter
from tfx_estimators.pipelines.usual import csv_examples, estimator_pipeline


def create_pipeline(
    root, data=None, *,
    train_steps: Annotated[int, Parameter("trainer.train_steps")] = 100,
):
    """Defines it.

    Args:
        train_steps: batches to train on.
    """
    raise RuntimeError(f"train_steps is {train_steps!r}")
'''


def create(
    root: pathlib.Path,
    data: pathlib.Path | None = None,
    *,
    train_steps: Annotated[int, Parameter("trainer.train_steps")] = 1000,
    rate: float = 0.5,
    deep: bool = True,
    weight: str | None = None,
    units: Annotated[tuple[int, ...] | None, Parameter("model.units")] = None,
    plain=3,  # type: ignore[no-untyped-def]
) -> Any:
    """Nothing is made here."""


def test_values_have_the_types_of_the_arguments() -> None:
    declared = declared_parameters(create)
    assert parse_settings(
        declared,
        ["trainer.train_steps=20", "rate=1e-3", "deep=no", "weight=w", "model.units=64, 32"],
    ) == {"train_steps": 20, "rate": 0.001, "deep": False, "weight": "w", "units": (64, 32)}
    assert parse_settings(declared, ["model.units=None", "plain=4"]) == {"units": None, "plain": 4}
    assert [one.name for one in declared] == [
        "trainer.train_steps", "rate", "deep", "weight", "model.units", "plain",
    ]  # fmt: skip


def test_all_that_is_wrong_with_the_settings_is_said_at_once() -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        parse_settings(
            declared_parameters(create),
            ["train_steps=2", "rate=fast", "model.unit=1", "deep", "plain=1", "plain=2"],
        )
    said = str(caught.value)
    assert "--set train_steps" in said
    assert "did you mean 'trainer.train_steps'?" in said
    assert "--set rate=fast: this is no float" in said
    assert "did you mean 'model.units'?" in said
    assert "--set deep: there is no value" in said
    assert "--set plain: given twice" in said


def test_the_command_sets_lists_and_refuses_parameters(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    shown = CliRunner().invoke(main, ["run", "--root", "there", "pipeline.py", "--help"]).output
    assert "trainer.train_steps=100  batches to train on. int" in shown
    run = ["run", "pipeline.py", "--set"]
    assert "train_steps is 7" in CliRunner().invoke(main, [*run, "trainer.train_steps=7"]).output
    refused = CliRunner().invoke(main, [*run, "trainer.train_step=7"])
    assert refused.exit_code != 0
    assert "did you mean 'trainer.train_steps'?" in refused.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["taxi", "titanic", "digits", "cats_vs_dogs"])
def test_every_ready_pipeline_has_parameters(name: str) -> None:
    from tfx_estimators.pipelines.catalog import load_pipeline_module

    declared = {
        one.name: one for one in declared_parameters(load_pipeline_module(name).create_pipeline)
    }
    assert declared["trainer.train_steps"].about
    assert declared["trainer.train_steps"].shown_type == "int"
