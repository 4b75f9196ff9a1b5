"""The rows of a file as a model takes them, and what its outputs become."""

from __future__ import annotations

import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfx_estimators.components.heads import Head, Kind
from tfx_estimators.components.output_columns import (
    output_columns,
    outputs_of,
    prediction_heads,
)
from tfx_estimators.components.saved_model import Output, SignatureCall
from tfx_estimators.errors import (
    FeatureDtypeError,
    FeatureNotFoundError,
    MissingFilesError,
    UnsupportedOptionError,
)
from tfx_estimators.pipelines.prediction import predict_file
from tfx_estimators.pipelines.prediction.feature_types import FeatureType
from tfx_estimators.pipelines.prediction.input_rows import read_rows
from tfx_estimators.pipelines.prediction.model_place import find_saved_model

FEATURES = {"n": FeatureType.INTEGER, "x": FeatureType.NUMBER, "t": FeatureType.TEXT}


def _written(tmp_path: pathlib.Path, text: str) -> pathlib.Path:
    path = tmp_path / "d.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_cells_become_what_training_had_and_missing_ones_have_no_value(
    tmp_path: pathlib.Path,
) -> None:
    path = _written(tmp_path, 'more,t,x,n\na,"ü, ß",1,3.0\nb,,,\nc,07,1e-3,-4\n')
    ((own, features),) = read_rows(path, FEATURES)
    assert own.column(0).to_pylist() == ["a", "b", "c"]
    assert features.to_pydict() == {
        "n": [[3], [], [-4]],
        "x": [[1.0], [], [pytest.approx(1e-3)]],
        "t": [["ü, ß".encode()], [], [b"07"]],
    }


def test_columns_that_lack_are_named_at_once(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FeatureNotFoundError, match="2 columns that the model reads: 'n', 't'"):
        list(read_rows(_written(tmp_path, "x,y\n1,2\n"), FEATURES))


@pytest.mark.parametrize(
    ("row", "problem"),
    [("1.5,1,a", "row 2, column 'n' is '1.5'"), ("1,much,a", "row 2, column 'x' is 'much'")],
)
def test_a_value_of_another_type_is_refused_with_its_row(
    row: str, problem: str, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(FeatureDtypeError, match=problem):
        list(read_rows(_written(tmp_path, f"n,x,t\n1,1,a\n{row}\n"), FEATURES))


def test_a_number_is_not_taken_for_a_text_nor_cut_to_a_whole_one(tmp_path: pathlib.Path) -> None:
    for name, values in (("t", [7]), ("n", [2.7])):
        table = {"n": pa.array([1]), "x": pa.array([1.0]), "t": pa.array(["a"])}
        pq.write_table(pa.table({**table, name: pa.array(values)}), tmp_path / "d.parquet")
        with pytest.raises(FeatureDtypeError, match=f"row 1, column '{name}'"):
            list(read_rows(tmp_path / "d.parquet", FEATURES))


def test_classes_have_their_names_and_several_numbers_a_number_each() -> None:
    classifier = Head("tip", Kind.BINARY, "tip/logistic", "tip/all_classes")
    numbers = Head("", Kind.REGRESSION, "predictions")
    found = output_columns(
        [classifier, numbers],
        {
            "tip/classes": np.array([[b"ja"], [b"nein"]], dtype=object),
            "tip/all_classes": np.array([[b"nein", b"ja"]] * 2, dtype=object),
            "tip/probabilities": np.array([[0.25, 0.75], [1.0, 0.0]], np.float32),
            "predictions": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
        },
    )
    assert {name: column.to_pylist() for name, column in found.items()} == {
        "tip_predicted_class": ["ja", "nein"],
        "tip_probability_nein": [0.25, 1.0],
        "tip_probability_ja": [0.75, 0.0],
        "prediction_0": [1.0, 3.0],
        "prediction_1": [2.0, 4.0],
    }


def test_outputs_that_no_head_has_are_a_column_each() -> None:
    signature = SignatureCall("", "predict", "examples", ("price", "size"), (Output("", 1),) * 2)
    heads = prediction_heads(signature)
    assert outputs_of(signature, heads) == ["price", "size"]
    outputs = {"price": np.array([[1.5], [2.5]]), "size": np.array([[1, 2], [3, 4]])}
    found = output_columns(heads, outputs)
    assert {name: column.to_pylist() for name, column in found.items()} == {
        "price_prediction": [1.5, 2.5],
        "size_prediction_0": [1, 3],
        "size_prediction_1": [2, 4],
    }


def test_the_newest_version_in_a_folder_is_meant_or_the_named_one(
    tmp_path: pathlib.Path,
) -> None:
    for version in ("9", "10"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").touch()
    assert find_saved_model(str(tmp_path)) == str(tmp_path / "10")
    assert find_saved_model(str(tmp_path / "9")) == str(tmp_path / "9")
    with pytest.raises(MissingFilesError, match="no SavedModel"):
        find_saved_model(str(tmp_path.parent))


def test_an_output_is_neither_of_another_format_nor_the_input(tmp_path: pathlib.Path) -> None:
    data = _written(tmp_path, "x\n1\n")
    for output, problem in ((tmp_path / "out.txt", "ends in .txt"), (data, "read and written")):
        with pytest.raises(UnsupportedOptionError, match=problem):
            predict_file(tmp_path, data, output)
    assert data.read_text() == "x\n1\n"
