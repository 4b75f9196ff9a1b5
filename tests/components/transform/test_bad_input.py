"""What FeatureColumnTransform says of columns and data that do not fit."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from tfx_estimators.components import FeatureColumnTransform
from tfx_estimators.components.transform import analyzers, stages
from tfx_estimators.components.transform.preprocessing import _label
from tfx_estimators.errors import (
    ColumnError,
    CorruptRecordError,
    DataError,
    EmptySplitError,
    FeatureDtypeError,
    FeatureNotFoundError,
    LabelError,
    ModuleContractError,
    UnsupportedOptionError,
    UserModuleError,
)


@pytest.mark.parametrize(
    ("columns", "arguments", "error", "message"),
    [
        ('[fc.numeric_column("z")]', {}, FeatureNotFoundError, "'z', which the schema does not"),
        (
            '[fc.categorical_column_with_hash_bucket("colour", 9)]',
            {},
            FeatureNotFoundError,
            "did you mean 'color'",
        ),
        ('[fc.numeric_column("color")]', {}, FeatureDtypeError, "schema says is string"),
        (
            '[fc.categorical_column_with_identity("x", 9)]',
            {},
            FeatureDtypeError,
            "schema says is float32",
        ),
        ('[fc.crossed_column(["x", "color"], 9)]', {}, FeatureDtypeError, "'color_X_x'"),
        ('[fc.numeric_column("x")]', {"label_key": "z"}, LabelError, "label 'z' is missing"),
        ('[fc.numeric_column("x")]', {"label_key": "x"}, ColumnError, "of a column and of the l"),
        ('["x"]', {}, ColumnError, "returned str 'x' at 0"),
        ("{}", {}, ColumnError, "at least one feature column"),
        (
            '[fc.numeric_column("x")]',
            {"analyze_splits": ["test"]},
            EmptySplitError,
            "no split 'test'",
        ),
        (
            '[fc.bucketized_column(fc.numeric_column("x"), [2.0, 1.0])]',
            {},
            ColumnError,
            "feature_columns() failed: ValueError: boundaries must be",
        ),
        (
            '[fc.categorical_column_with_hash_bucket("color", -5)]',
            {},
            ColumnError,
            "hash_bucket_size must be at least 1",
        ),
        ('[fc.crossed_column(["color", "y"], -5)]', {}, ColumnError, "hash_bucket_size must be"),
        (
            '[fc.categorical_column_with_vocabulary_file("color", "/nowhere/words")]',
            {},
            ColumnError,
            "vocabulary_file in color does not exist",
        ),
        (
            "[fc.indicator_column(fc.categorical_column_with_vocabulary_file("
            '"color", "/nowhere/words", vocabulary_size=3))]',
            {},
            ColumnError,
            "the vocabulary file /nowhere/words, which does not exist",
        ),
        (
            '[columns.categorical_column_with_learned_vocabulary("color", top_k=0)]',
            {},
            ColumnError,
            "top_k=0",
        ),
    ],
)
def test_found_before_any_example_is_read(
    transform: Any, examples: Any, columns: str, arguments: Any, error: Any, message: str
) -> None:
    with pytest.raises(error) as raised:
        transform(examples, columns, **arguments)
    assert message in str(raised.value)


def test_name_clash_with_the_users_preprocessing(transform: Any, examples: Any) -> None:
    rest = """
    def preprocessing_fn(inputs):
        return {"x": tf.zeros([1])}
    """
    with pytest.raises(ColumnError, match="an output of preprocessing_fn"):
        transform(examples, '[fc.numeric_column("x")]', rest)


def write(folder: pathlib.Path, make: Callable[..., Any], rows: list[bytes]) -> Any:
    return make(folder / "examples", {"train": rows, "eval": rows})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ('[fc.numeric_column("x")]', "numeric column x reads feature x and has no default"),
        ('[fc.numeric_column("x", (2,), 0.0)]', "an example has neither 0 nor 2 values"),
    ],
)
def test_number_of_values(
    transform: Any,
    tmp_path: pathlib.Path,
    make_examples: Any,
    example: Any,
    columns: str,
    message: str,
) -> None:
    rows = [example(x=1.0, y=1, color="red"), example(y=1, color="red")]
    with pytest.raises(DataError) as raised:
        transform(write(tmp_path, make_examples, rows), columns)
    assert message in str(raised.value)


def test_example_without_label(
    transform: Any, tmp_path: pathlib.Path, make_examples: Any, example: Any
) -> None:
    rows = [example(x=1.0, y=1, color="red"), example(x=1.0, color="red")]
    with pytest.raises(LabelError, match="the label y has not exactly one value"):
        transform(write(tmp_path, make_examples, rows), '[fc.numeric_column("x")]', label_key="y")


@pytest.mark.stacks
def test_example_without_label_is_found_whatever_else_fails_of_it() -> None:
    @tf.function(input_signature=[tf.SparseTensorSpec([None, None], tf.int64)])
    def label(values: Any) -> Any:
        return _label({"y": values}, "y", {})

    # Of few examples the one that is missing is often found by luck; of 120 it rarely was.
    for size in (3, 120):
        others = [[row, 0] for row in range(size - 1)]
        values = tf.SparseTensor(others, tf.ones(size - 1, tf.int64), [size, 1])
        for _ in range(50):
            with pytest.raises(tf.errors.InvalidArgumentError, match="has not exactly one value"):
                label(values)
    two_in_one = tf.SparseTensor([[0, 0], [0, 1]], tf.ones(2, tf.int64), [2, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="has not exactly one value"):
        label(two_in_one)


def test_id_that_the_column_does_not_have(
    transform: Any, tmp_path: pathlib.Path, make_examples: Any, example: Any
) -> None:
    rows = [example(y=hour, x=1.0, color="red") for hour in (3, -1, 24, 25, 0)]
    column = 'fc.categorical_column_with_identity("y", 24)'
    with pytest.raises(DataError, match=r"(?s)identity column y .* 0 to 23, .* 24.*default_value"):
        transform(write(tmp_path, make_examples, rows), f"[fc.embedding_column({column}, 2)]")


@pytest.mark.parametrize(
    ("words", "arguments", "message"),
    [
        ("red\ngreen\nblue\ngreen\r\n", "", "line 4 is the same as line 2: 'green'"),
        ("red\ngreen\n", ", vocabulary_size=3", "has 2 lines"),
    ],
)
def test_vocabulary_file_with_wrong_lines(
    transform: Any, examples: Any, tmp_path: pathlib.Path, words: str, arguments: str, message: str
) -> None:
    (tmp_path / "words.txt").write_bytes(words.encode())
    file = f"{str(tmp_path / 'words.txt')!r}{arguments}"
    column = f'fc.categorical_column_with_vocabulary_file("color", {file})'
    with pytest.raises(ColumnError, match=rf"words\.txt, .*{message}"):
        transform(examples, f"[{column}]")


@pytest.mark.parametrize(("rows", "empty"), [(0, "train"), (1, "eval")])
def test_data_of_no_rows_or_one(
    transform: Any,
    tmp_path: pathlib.Path,
    make_examples: Any,
    example: Any,
    rows: int,
    empty: str,
) -> None:
    made = [example(x=1.0, y=1, color="red")] * rows
    examples = make_examples(tmp_path / "examples", {"train": made, "eval": []})
    with pytest.raises(EmptySplitError, match=f"'{empty}' has no examples"):
        transform(examples, '[fc.numeric_column("x")]', **({} if rows else {"schema": ""}))


def test_vocabulary_that_comes_out_empty(transform: Any, examples: Any) -> None:
    column = 'columns.categorical_column_with_learned_vocabulary("color", frequency_threshold=999)'
    with pytest.raises(ColumnError, match="'color' learned is empty"):
        transform(examples, f"[{column}]")


def test_vocabulary_that_is_too_large(
    transform: Any, examples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzers, "MOST_ENTRIES", 2)
    column = 'columns.categorical_column_with_learned_vocabulary("color"{})'
    # Each worker may see few of them; then it is the whole that is too large.
    with pytest.raises(ColumnError, match=r"(?s)'color' .* of 3 entries.*at most 2.*hash_bucket"):
        transform(examples, f"[{column.format('')}]")
    # Who names a size has thought of it.
    transform(examples, f"[{column.format(', top_k=3')}]")


def test_vocabulary_that_is_too_large_is_not_counted_to_its_end(
    transform: Any,
    tmp_path: pathlib.Path,
    make_examples: Any,
    example: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stages, "MOST_ENTRIES", 1000)
    # More batches than one worker reads at a time.
    total = 50_000
    rows = [example(y=1, color=f"color {number}") for number in range(total)]
    examples = write(tmp_path, make_examples, rows)
    column = 'columns.categorical_column_with_learned_vocabulary("color"{})'
    with pytest.raises(ColumnError, match=r"'color' .* of more than 1000 entries") as caught:
        transform(examples, f"[{column.format('')}]")
    assert "while running" not in str(caught.value)
    read = re.findall(r"FeatureColumnTransform: (\d+) examples", capsys.readouterr().err)
    assert int(read[-1]) < total


def test_feature_without_values_to_learn_from(
    transform: Any, tmp_path: pathlib.Path, make_examples: Any, example: Any
) -> None:
    rows = [example(y=1, color="red"), example(y=0, color="red")]
    column = 'columns.quantile_bucketized_column("x", 4, default_value=0.0)'
    with pytest.raises(ColumnError, match="column 'x_bucketized' learned"):
        transform(write(tmp_path, make_examples, rows), f"[{column}]")


def test_corrupt_record(
    transform: Any, tmp_path: pathlib.Path, make_examples: Any, example: Any
) -> None:
    rows = [example(x=1.0, y=1, color="red"), b"no example", b"nor this"]
    with pytest.raises(CorruptRecordError):
        transform(write(tmp_path, make_examples, rows), '[fc.numeric_column("x")]')


def test_value_of_another_type(
    transform: Any, tmp_path: pathlib.Path, make_examples: Any, example: Any
) -> None:
    rows = [example(x=1.0, y=1, color="red"), example(x="one", y=1, color="red")]
    with pytest.raises(FeatureDtypeError, match="x"):
        transform(write(tmp_path, make_examples, rows), '[fc.numeric_column("x")]')


def test_raw_label_and_transformed_label(
    transform: Any, tmp_path: pathlib.Path, make_examples: Any, example: Any
) -> None:
    """The smallest thing that works; nothing is left in the temporary folder."""
    rows = [example(x=1.0, y=1, color="red"), example(x=3.0, y=0)]
    outputs = transform(
        write(tmp_path, make_examples, rows),
        '[fc.numeric_column("x"), fc.indicator_column('
        'columns.categorical_column_with_learned_vocabulary("color"))]',
        label_key="y",
    )
    assert (pathlib.Path(outputs["feature_columns"].uri) / "columns.json").is_file()
    assert not list(pathlib.Path(outputs["transform_graph"].uri).glob(".*"))


class TestConstruction:
    def construct(self, channel: Any, **arguments: Any) -> None:
        FeatureColumnTransform(
            examples=channel(standard_artifacts.Examples),
            schema=channel(standard_artifacts.Schema),
            **arguments,
        )

    def test_no_such_module(self, channel: Any) -> None:
        with pytest.raises(UserModuleError, match="does not exist"):
            self.construct(channel, module_file="nowhere.py")

    def test_module_without_columns(self, channel: Any, tmp_path: pathlib.Path) -> None:
        (tmp_path / "model.py").write_text("def run_fn(args): ...\n")
        with pytest.raises(ModuleContractError, match="feature_columns"):
            self.construct(channel, module_file=str(tmp_path / "model.py"))

    def test_options(self, channel: Any, tmp_path: pathlib.Path) -> None:
        (tmp_path / "model.py").write_text("def feature_columns(): ...\n")
        module = str(tmp_path / "model.py")
        with pytest.raises(EmptySplitError):
            self.construct(channel, module_file=module, analyze_splits=[])
        with pytest.raises(UnsupportedOptionError):
            self.construct(channel, module_file=module, custom_config={"f": len})
