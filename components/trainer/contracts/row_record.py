"""What the rows of a model's weights stand for, kept beside its SavedModel.

The next training that starts from the model reads it: a weight is of use there only to the
value that it was trained for. Serving does not know of it.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import tensorflow as tf
from pydantic import Field
from tfx.dsl.io import fileio

from tfx_estimators.components.model_digest import hash_file
from tfx_estimators.errors import DamagedFileError, TrainingError
from tfx_estimators.estimator.columns.rows import Rows
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.documents import Count, parse
from tfx_estimators.places import inside

__all__ = ["read_rows", "write_rows"]

_FORMAT = 1
# Where a SavedModel keeps what its graph does not read.
_FOLDER = "assets.extra"
_FILE = f"{_FOLDER}/tfx_estimators_rows.json"


@dataclasses.dataclass(frozen=True)
class _Vocabulary:
    kind: Literal["vocabulary"]
    entries: Count
    oov: Count
    dtype: str
    file: str | None
    values: list[str]


@dataclasses.dataclass(frozen=True)
class _Buckets:
    kind: Literal["buckets"]
    boundaries: list[float]
    elements: Count
    source: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Numbers:
    kind: Literal["numbers"]
    size: Count
    learned: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Sized:
    kind: Literal["ids", "hash", "cross", "dimensions", "other", "unknown"]
    size: Count


_Description = Annotated[_Vocabulary | _Buckets | _Numbers | _Sized, Field(discriminator="kind")]


@dataclasses.dataclass(frozen=True)
class _Content:
    """What comparing rows reads of the file, see `Rows`."""

    format: Literal[1]
    variables: dict[str, _Description]
    dense: dict[str, _Description]


def write_rows(saved_model: str, rows: Rows) -> None:
    """Leaves the descriptions beside a SavedModel.

    A vocabulary is among the model's assets as a rule; one that is not, where a receiver of
    the user's own needs none, is copied.

    Args:
        saved_model: its folder.
        rows: of the model's columns.
    """
    files = _Files(saved_model)
    content = {
        "format": _FORMAT,
        "variables": {name: files.kept(d) for name, d in sorted(rows.variables.items())},
        "dense": {name: files.kept(d) for name, d in sorted(rows.dense.items())},
    }
    fileio.makedirs(f"{saved_model}/{_FOLDER}")
    with fileio.open(f"{saved_model}/{_FILE}", "w") as file:
        file.write(dumps(content))


def read_rows(saved_model: str) -> dict[str, Any]:
    """Reads what `write_rows` has left.

    Returns:
        "variables" and "dense", as in `Rows`.

    Raises:
        TrainingError: if there is nothing, or nothing that can be read.
    """
    path = f"{saved_model}/{_FILE}"
    try:
        with fileio.open(path, "rb") as file:
            text = file.read()
        parse(text, _Content, path)
        content = parse(text, dict[str, Any], path)
        return {
            part: {name: _found(saved_model, d) for name, d in content[part].items()}
            for part in ("variables", "dense")
        }
    except (tf.errors.OpError, DamagedFileError) as error:
        missing = not fileio.exists(path)
        said = str(error).partition("\n")[0]
        why = "there is no record of it" if missing else f"{path} cannot be read: {said}"
        raise TrainingError(
            f"the base model in {saved_model} does not say what the rows of its weights stand "
            f"for: {why}",
            expected="a model that EstimatorTrainer trained with feature_columns and estimator_fn",
            fix="train the base model again with this version, or leave base_model out and set "
            "warm_start_from in estimator_fn",
        ) from error


class _Files:
    """The files of vocabularies, where a SavedModel has them."""

    def __init__(self, saved_model: str) -> None:
        self._saved_model = saved_model
        self._by_digest: dict[str, str] | None = None
        self._kept: dict[str, str] = {}

    def kept(self, description: Any) -> Any:
        """The description with files named as they lie in the SavedModel."""
        if isinstance(description, list):
            return [self.kept(item) for item in description]
        if not isinstance(description, dict):
            return description
        kept = {key: self.kept(value) for key, value in description.items()}
        if description.get("file") is not None:
            kept["file"] = self._place(description["file"])
        return kept

    def _place(self, file: str) -> str:
        if file not in self._kept:
            digest = hash_file(file)
            places = self._assets()
            if digest not in places:
                places[digest] = f"{_FOLDER}/tfx_estimators_vocabulary_{digest[:16]}"
                fileio.makedirs(f"{self._saved_model}/{_FOLDER}")
                fileio.copy(file, f"{self._saved_model}/{places[digest]}", overwrite=True)
            self._kept[file] = places[digest]
        return self._kept[file]

    def _assets(self) -> dict[str, str]:
        if self._by_digest is None:
            folder = f"{self._saved_model}/assets"
            names = sorted(fileio.listdir(folder)) if fileio.exists(folder) else []
            self._by_digest = {hash_file(f"{folder}/{name}"): f"assets/{name}" for name in names}
        return self._by_digest


def _found(saved_model: str, description: Any) -> Any:
    if isinstance(description, list):
        return [_found(saved_model, item) for item in description]
    if not isinstance(description, dict):
        return description
    found = {key: _found(saved_model, value) for key, value in description.items()}
    if description.get("file") is not None:
        found["file"] = f"{saved_model}/{description['file']}"
        if not inside(saved_model, found["file"]):
            raise DamagedFileError(f"it names {description['file']!r}, outside of the model")
    return found
