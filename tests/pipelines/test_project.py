"""`tfx-estimators new`: what is seen in the data, what is written, and what is refused."""

from __future__ import annotations

import csv
import pathlib
import random
import shutil
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from messy_data import write_messy_csv

from tfx_estimators.cli import main
from tfx_estimators.errors import ProjectError
from tfx_estimators.pipelines.project.creation import Project, create_project

FILES = ["README.md", "model.py", "pipeline.py", "test_model.py"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("project")
    data = folder / "Kundschaft [alt].csv"
    write_messy_csv(data, rows=600)
    return create_project(folder / "churn", data, "churned")


def _table(path: pathlib.Path, **columns: list[Any]) -> pathlib.Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def test_a_messy_file_gets_a_column_or_a_reason_for_each_of_its_columns(project: Project) -> None:
    becomes = {one.name: one.becomes for one in project.proposals}
    made = {one.name: [str(s.call.start) for s in one.statements] for one in project.proposals}
    assert list(becomes) == [
        "customer id", "Größe (cm)", "Stadt", 'the "plan"', "年齢", "active?", "signed up",
        "income", "balance", "comment", "shop", "empty", "constant", "it's",
    ]  # fmt: skip
    left_out = [name for name, what in becomes.items() if what.startswith("left out")]
    assert left_out == ["customer id", "empty", "constant"]
    assert made["active?"] == made["Stadt"] == ["fc.categorical_column_with_vocabulary_list("]
    assert made["shop"] == ["learned.categorical_column_with_learned_vocabulary("]
    assert made["income"] == ["learned.quantile_bucketized_column("]
    assert "skewed" in becomes["income"]
    features = {f.name for one in project.proposals for f in one.made}
    assert features == {
        "signed up_years", "signed up_month", "income_number", "balance_number", "comment_words",
    }  # fmt: skip


def test_the_files_are_as_a_formatter_would_have_them(project: Project) -> None:
    assert sorted(path.name for path in project.folder.iterdir()) == FILES
    # A name is a pattern to an ExampleGen.
    assert '"Kundschaft [[]alt].csv"' in (project.folder / "pipeline.py").read_text("utf-8")
    for path in project.folder.glob("*.py"):
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
    readme = (project.folder / "README.md").read_text(encoding="utf-8")
    assert len([line for line in readme.splitlines() if line]) <= 10
    # This stack's: another version, which happens to be on PATH, may want other lines.
    ruff = shutil.which("ruff", path=pathlib.Path(sys.executable).parent)
    if ruff is not None:
        subprocess.run(
            [ruff, "format", "--isolated", "--check", "."], cwd=project.folder, check=True
        )
        subprocess.run([ruff, "check", "--isolated", "."], cwd=project.folder, check=True)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["ja", "nein"], ['CLASSES = ["nein", "ja"]', "n_classes=2", 'key: "auc"']),
        ([0, 1, 2], ["CLASSES = None", "n_classes=3", 'key: "accuracy"']),
        ([3, 4, 6], ['CLASSES = ["3", "4", "6"]', '"y_class": tf.strings.as_string(one_value(']),
        ([f"{n / 7:.3f}" for n in range(1, 90)], ["RegressionHead", 'key: "mean_squared_error"']),
    ],
)
def test_the_label_decides_between_classes_and_a_number(
    labels: list[Any], words: list[str], tmp_path: pathlib.Path
) -> None:
    rows = 180
    drawn = random.Random(1)
    data = _table(
        tmp_path / "d.csv",
        x=[drawn.gauss(0, 1) for _ in range(rows)],
        y=[labels[at % len(labels)] for at in range(rows)],
    )
    folder = create_project(tmp_path / "made", data, "y").folder
    text = (folder / "model.py").read_text() + (folder / "pipeline.py").read_text()
    assert [word for word in words if word not in text] == []


def test_numbers_are_recognized_whatever_they_are_written_like(tmp_path: pathlib.Path) -> None:
    drawn = random.Random(2)
    rows = 200
    numbers = [drawn.gauss(50, 5) for _ in range(rows)]
    data = _table(
        tmp_path / "d.csv",
        german=[f"{number:.2f}".replace(".", ",") for number in numbers],
        unclear=[f"{int(number)},{drawn.randint(100, 999)}" for number in numbers],
        american=[f"{drawn.randint(1, 12)}/{drawn.randint(13, 28)}/2024" for _ in range(rows)],
        either=[f"{drawn.randint(1, 12)}/{drawn.randint(1, 12)}/2024" for _ in range(rows)],
        code_id=[drawn.randint(1000, 1030) for _ in range(rows)],
        y=[int(number > 50) for number in numbers],
    )
    made = create_project(tmp_path / "made", data, "y")
    calls = {o.name: [f.call.flat() for f in o.made] for o in made.proposals}
    assert "decimal=','" in calls["german"][0] or 'decimal=","' in calls["german"][0]
    assert calls["unclear"] == calls["either"] == []
    assert "groups=(3, 1, 2)" in calls["american"][0]
    (code,) = (one for one in made.proposals if one.name == "code_id")
    assert "dtype=tf.int64" in code.statements[0].call.flat()


def test_parquet_is_read_with_its_types(tmp_path: pathlib.Path) -> None:
    rows = 60
    table = {
        "flag": pa.array([n % 3 == 0 for n in range(rows)]),
        "score": pa.array([None if n % 5 == 0 else float(n % 17) for n in range(rows)]),
        "tags": pa.array([["a", "b"][: n % 3] for n in range(rows)]),
        "y": pa.array(["no", "yes"] * (rows // 2)),
    }
    pq.write_table(pa.table(table), tmp_path / "d.parquet")
    made = create_project(tmp_path / "made", tmp_path / "d.parquet", "y")
    seen = {one.name: one.seen for one in made.proposals}
    assert seen["flag"].startswith("2 different whole numbers")
    assert "20 % missing" in seen["score"]
    assert seen["tags"].startswith("lists: 2 different texts")
    assert "parquet_examples(DATA, FILES)" in (made.folder / "pipeline.py").read_text()


def test_tf_examples_are_read_with_their_types(tmp_path: pathlib.Path) -> None:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(tmp_path / "d.tfrecord.gz"), "GZIP") as writer:
        for n in range(40):
            example = tf.train.Example()
            features = example.features.feature
            features["v"].float_list.value.extend([n / 3, -n / 3])
            features["y"].int64_list.value.append(n % 2)
            if n > 20:
                features["late"].bytes_list.value.append(b"a" if n % 2 else "ä".encode())
            writer.write(example.SerializeToString())
    made = create_project(tmp_path / "made", tmp_path / "d.tfrecord.gz", "y")
    by_name = {one.name: one for one in made.proposals}
    assert "shape=(2,)" in by_name["v"].statements[0].call.flat()
    assert "52 % missing" in by_name["late"].seen


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_written(tmp_path: pathlib.Path) -> None:
    torn = tmp_path / "torn.csv"
    torn.write_text("x,y\n1,0\n2\n" + "1,1\n" * 20 + "3,1,4\n")
    (tmp_path / "there").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ProjectError) as caught:
        create_project(tmp_path / "there", torn, "z")
    said = str(caught.value)
    assert "2 things are wrong" in said
    assert f"{tmp_path / 'there'} exists" in said
    assert "line 3 has 1 cells; line 24 has 3 cells" in said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("columns", "label", "words"),
    [
        ({"x": range(20), "churned": [0, 1] * 10}, "churnd", ["did you mean 'churned'?"]),
        ({"x": range(20), "y": ["a", "b"] * 8 + ["", "a", "", "b"]}, "y",
         ["missing in 2 of 20 rows, first in row 17"]),
        ({"x": range(20), "y": ["yes", "no", "Yes ", "no"] * 5}, "y", ["'yes'", "'Yes '"]),
        ({"x": range(20), "y": [f"n{n}" for n in range(20)]}, "y", ["20 different texts"]),
        ({"x": range(20), "y": [1] * 20}, "y", ["1 in every row"]),
        ({"x": ["a"] * 20, "y": [0, 1] * 10}, "y", ["no column", "'x': left out"]),
        ({"x": range(3), "y": [0, 1, 0]}, "y", ["3 rows"]),
        ({"x;y": ["1;2"] * 20}, "y", ["separated by semicolons"]),
    ],
)  # fmt: skip
def test_data_that_cannot_be_learned_from_is_refused(
    columns: dict[str, Any], label: str, words: list[str], tmp_path: pathlib.Path
) -> None:
    data = _table(tmp_path / "d.csv", **columns)
    with pytest.raises(ProjectError) as caught:
        create_project(tmp_path / "made", data, label)
    assert [word for word in words if word not in str(caught.value)] == []
    assert list(tmp_path.iterdir()) == [data]


def test_the_command_asks_for_nothing_where_there_is_no_terminal(tmp_path: pathlib.Path) -> None:
    answer = CliRunner().invoke(main, ["new", str(tmp_path / "made"), "--label", "y"])
    assert answer.exit_code != 0
    assert "not given: --data FILE" in answer.output


def test_the_command_shows_what_becomes_of_each_column_and_what_to_type_next(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _table(tmp_path / "d.csv", x=list(range(20)), n=[0, 1, 2, 2] * 5, y=["a", "b"] * 10)
    answer = CliRunner().invoke(main, ["new", "made", "--data", "d.csv", "--label", "y"])
    assert answer.exit_code == 0, answer.output
    assert "x: 20 different whole numbers" in answer.output
    assert "left out" in answer.output
    assert "next: tfx-estimators run made/pipeline.py" in answer.output
