"""What a new user does, with the wheel alone, in an empty folder: a project from a messy CSV.

The commands are those of docs/five-minutes.md.
"""

from __future__ import annotations

import csv
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from messy_data import write_messy_csv
from own_wheel import build_wheel, lay_out
from page_code import page_commands

ROWS = 300


@pytest.mark.slow
@pytest.mark.stacks
def test_a_project_from_a_messy_file_runs_is_changed_compared_and_rolled_back(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: pathlib.Path
) -> None:
    installed = lay_out(build_wheel(tmp_path_factory.mktemp("dist")))

    def type_in(*arguments: str, module: str = "tfx_estimators.cli") -> str:
        answer = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr or answer.stdout
        return answer.stdout

    def follow(section: str, **typed: str) -> str:
        for words in page_commands("five-minutes", section, **typed):
            assert words[0] == "tfx-estimators"
            said = type_in(*words[1:])
        return said

    write_messy_csv(tmp_path / "customers.csv", ROWS)
    shown = follow("Write a project")
    assert "next: tfx-estimators run churn/pipeline.py" in shown
    assert "2 passed" in type_in("-q", "churn", module="pytest")

    first = follow("Run it")
    serving = tmp_path / "runs" / "churn" / "serving"
    (version,) = serving.glob("[0-9]*")
    assert "Stadt: Köln" in first
    assert "blessed      yes" in first
    assert f"pushed to    {version}" in first
    assert "predict" in first

    follow("Predict")

    follow("Change something")
    assert len(list(serving.glob("[0-9]*"))) == 2
    runs = json.loads(type_in("runs", "--json"))
    states = {step["node"]: step["state"] for step in runs[0]["steps"]}
    assert states["FeatureColumnTransform"] == "cached"
    assert states["EstimatorTrainer"] == "complete"
    assert re.search(" 200 +40 +-160\n", follow("Compare", RUN=runs[1]["name"]))
    found = json.loads(type_in("diff", runs[1]["name"], runs[0]["name"], "--json"))
    changed = {one["name"]: (one["left"], one["right"]) for one in found}
    assert changed["EstimatorTrainer.train_args.num_steps"] == (200, 40)
    assert changed["EstimatorTrainer.custom_config.hidden_units"] == ([64, 32], [8, 4])
    assert "overall auc" in changed

    with (tmp_path / "customers.csv").open(newline="", encoding="utf-8") as file:
        given = list(csv.DictReader(file))
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    assert [{name: row[name] for name in given[0]} for row in answers] == given
    for row in answers:
        yes, no = float(row["probability_yes"]), float(row["probability_no"])
        assert yes + no == pytest.approx(1)
        assert row["predicted_class"] == ("yes" if yes > no else "no")
    right = sum(row["predicted_class"] == row["churned"] for row in answers)
    assert right > 0.7 * ROWS

    follow("Look at the run")
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Stadt: Köln" in report
    assert len(report) < 3_000_000

    follow("Go back")
    assert len(list(serving.glob("[0-9]*"))) == 3
    served = max(serving.glob("[0-9]*"), key=lambda path: int(path.name))
    model = "saved_model.pb"
    assert (served / model).read_bytes() == (version / model).read_bytes()
