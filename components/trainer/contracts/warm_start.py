"""Starts an estimator from a base model's weights, matched by what each one means."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import re
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.scratch import scratch_folder
from tfx_estimators.components.trainer.announcement import say
from tfx_estimators.components.trainer.contracts.class_names import (
    classes_in_graph,
    classes_in_model,
)
from tfx_estimators.components.trainer.contracts.row_readers import (
    first_readers,
    kernel_columns,
    variable_name,
)
from tfx_estimators.components.trainer.contracts.row_record import read_rows
from tfx_estimators.errors import ColumnError, TrainingError
from tfx_estimators.estimator.columns.rows import Rows, matched_rows, row_count

__all__ = ["warm_started"]

_FRESH = -1
_SCRATCH = "tfx-estimators-warm-start-"


def warm_started(estimator: Any, base_model: str, rows: Rows) -> Any:
    """The estimator, with every trainable variable initialized from a base model.

    Rows that stand for a value, a bucket or an id go to the row that stands for it now. What
    the base model did not have begins as it would without it. A line for each column says how
    much of it was carried over.

    One that already has a warm start of its own is returned as it is. Reads the private
    `Estimator._warm_start_settings`, seen in tensorflow-estimator 2.15.

    Args:
        estimator: the Estimator.
        base_model: folder of a SavedModel, as `EstimatorTrainer` exported it.
        rows: what the rows of the estimator's columns stand for.

    Raises:
        TrainingError: if the base model cannot be read, has other classes, lacks a variable or
            has it in another shape, or if it cannot be known what a row of it stands for.
    """
    if getattr(estimator, "_warm_start_settings", None) is not None:
        return estimator
    weights = f"{base_model}/variables/variables"
    try:
        tf.train.load_checkpoint(weights)
    except (tf.errors.OpError, ValueError) as error:
        raise TrainingError(
            f"the base model in {base_model} has no variables that can be read: {error}",
            expected="a SavedModel exported from an estimator",
            fix="pass another base_model, or none",
        ) from error
    start = _Start(base_model, weights, rows, read_rows(base_model))
    place = pathlib.Path(tempfile.gettempdir())
    stack = contextlib.ExitStack()
    folder = stack.enter_context(scratch_folder(place, _SCRATCH, TrainingError))
    # Filled where the variables are known: TensorFlow looks at it after that.
    carried: list[str] = []

    def model_fn(features: Any, labels: Any, mode: Any, config: Any) -> Any:
        spec = estimator.model_fn(features, labels, mode, config)
        trained = tf.train.latest_checkpoint(estimator.model_dir) is not None
        if mode == tf_estimator.ModeKeys.TRAIN and not carried and not trained:
            _check_classes(base_model, classes_in_graph(spec.predictions))
            names = start.write(features, f"{folder}/model", config.tf_random_seed)
            carried.extend(rf"{re.escape(name)}(/part_\d+)?:0$" for name in names)
        return spec

    # As long as anyone may read it.
    weakref.finalize(model_fn, stack.close)
    return tf_estimator.v1.Estimator(
        model_fn=model_fn,
        config=estimator.config,
        warm_start_from=tf_estimator.WarmStartSettings(str(folder), carried),
    )


def _check_classes(base_model: str, classes: Mapping[str, Any]) -> None:
    before = classes_in_model(base_model)
    for name in sorted(classes.keys() & before.keys()):
        if classes[name] != before[name]:
            raise TrainingError(
                f"the estimator's classes are {_listed(classes[name])}, but those of the base "
                f"model in {base_model} are {_listed(before[name])}",
                expected="the same classes in the same order",
                fix="keep the label_vocabulary, or leave base_model out",
            )


def _listed(classes: Sequence[str] | None) -> str:
    return "numbers" if classes is None else ", ".join(classes)


@dataclasses.dataclass(frozen=True)
class _Part:
    """Rows of a variable that belong to one column.

    Attributes:
        name: of the column's scope.
        key: of its description, see `Rows`.
        new: the description.
        old: that of the base model, None where it has no such column.
    """

    name: str
    key: str
    new: Mapping[str, Any]
    old: Mapping[str, Any] | None

    def matched(self) -> Any:
        """The old row for each new one, -1 where it starts fresh."""
        if self.old is None:
            return np.full(row_count(self.new), _FRESH)
        return matched_rows(self.new, self.old, self.name)

    def is_same(self) -> bool:
        """Whether each row is known to stand for what the row of that number stood for."""
        try:
            return self.old is not None and _is_same(self.matched(), row_count(self.old))
        except ColumnError:
            return False


class _Start:
    """The base model's variables, as the estimator needs them."""

    def __init__(self, base_model: str, weights: str, rows: Rows, base: Mapping[str, Any]) -> None:
        self._base_model = base_model
        self._weights = weights
        self._rows = rows
        self._base = base

    def write(self, features: Any, prefix: str, seed: int | None) -> list[str]:
        """Writes a checkpoint of what is carried over, for the graph that was just built.

        Returns:
            names of the variables in it.
        """
        reader = tf.train.load_checkpoint(self._weights)
        known = reader.get_variable_to_shape_map()
        random = np.random.default_rng(seed)
        parts = self._parts()
        values: dict[str, Any] = {}
        misfits: list[str] = []
        for name, shape in _shapes().items():
            there = known.get(name)
            try:
                matched, before = _joined(parts.get(name, []))
            except ColumnError as error:
                raise TrainingError(
                    f"the base model in {self._base_model} does not fit this estimator: {error}"
                ) from error
            if there is None and parts.get(name) and before == 0:
                continue  # Of columns that are new.
            if there != ([before, *shape[1:]] if parts.get(name) else shape):
                misfits.append(f"{name} {shape} (there: {there or 'missing'})")
                continue
            values[name] = reader.get_tensor(name)
            if parts.get(name) and not _is_same(matched, before):
                values[name] = self._moved(name, shape, values[name], matched, random)
        if misfits:
            raise TrainingError(
                f"the base model in {self._base_model} does not fit this estimator: "
                f"{'; '.join(misfits)}",
                expected="the same variables, in the same shapes but for the rows of columns",
                fix="use the base model's estimator_fn, or set warm_start_from in estimator_fn "
                "with WarmStartSettings for the variables that fit",
            )
        self._check_readers(features, parts)
        _report(values, parts)
        _save(values, prefix)
        return list(values)

    def _parts(self) -> dict[str, list[_Part]]:
        """The columns that each variable has rows of."""
        parts: dict[str, list[_Part]] = {}
        for name, shape in _shapes().items():
            for key, new in self._rows.variables.items():
                if f"/{name}".endswith(f"/{key}") and shape[:1] == [row_count(new)]:
                    old = self._base["variables"].get(key)
                    parts[name] = [_Part(key.rpartition("/")[0] or key, key, new, old)]
        sizes = {scope: row_count(new) for scope, new in self._rows.dense.items()}
        for name, scopes in kernel_columns(tf.compat.v1.trainable_variables(), sizes).items():
            parts[name] = [
                _Part(scope, scope, self._rows.dense[scope], self._base["dense"].get(scope))
                for scope in scopes
            ]
        return parts

    def _moved(self, name: str, shape: list[int], value: Any, matched: Any, random: Any) -> Any:
        initializer = next(
            (i for key, i in self._rows.initializers.items() if f"/{name}".endswith(f"/{key}")),
            None,
        )
        if name.endswith("/kernel"):
            limit = np.sqrt(6 / sum(shape))  # As Keras begins a dense layer.
            moved = random.uniform(-limit, limit, shape)
        elif initializer is None:
            moved = np.zeros(shape)
        else:
            with tf.Graph().as_default(), tf.compat.v1.Session() as session:
                tf.compat.v1.set_random_seed(int(random.integers(2**31)))
                moved = session.run(initializer(shape, dtype=tf.as_dtype(value.dtype)))
        moved = moved.astype(value.dtype)
        carried = matched != _FRESH
        moved[carried] = value[matched[carried]]
        return moved

    def _check_readers(self, features: Any, parts: Mapping[str, Sequence[_Part]]) -> None:
        """That nothing else has rows of a column whose rows are others now.

        Raises:
            TrainingError: naming the variable.
        """
        described = {
            **{(key, "variables"): new for key, new in self._rows.variables.items()},
            **{(key, "dense"): new for key, new in self._rows.dense.items()},
        }
        for (key, where), new in described.items():
            part = _Part(key.rpartition("/")[0] or key, key, new, self._base[where].get(key))
            if part.is_same():
                continue
            tensors = [features[name] for name in self._rows.features[key] if name in features]
            for name in first_readers(tensors, tf.compat.v1.trainable_variables()):
                if name not in parts:
                    raise TrainingError(
                        f"the values of column {part.name!r} have different ids in the base "
                        f"model in {self._base_model}, and it is not known what the rows of "
                        f"{name} stand for",
                        expected="variables made by TensorFlow's linear and dense layers, over "
                        "feature columns",
                        fix="keep the vocabulary and the boundaries, or set warm_start_from in "
                        "estimator_fn with WarmStartSettings for the variables that fit",
                    )


def _shapes() -> dict[str, list[int]]:
    """Shapes of the trainable variables; a partitioned one is saved under one name."""
    shapes: dict[str, list[int]] = {}
    for variable in tf.compat.v1.trainable_variables():
        if (sliced := getattr(variable, "_save_slice_info", None)) is not None:
            shapes[sliced.full_name] = list(sliced.full_shape)
        else:
            shapes[variable_name(variable)] = variable.shape.as_list()
    return shapes


def _joined(parts: Sequence[_Part]) -> tuple[Any, int]:
    """The old row for each new row of a variable, and how many old rows there are."""
    matched, before = [np.zeros([0], np.int64)], 0
    for part in parts:
        rows = part.matched()
        matched.append(np.where(rows == _FRESH, _FRESH, rows + before))
        before += row_count(part.old) if part.old is not None else 0
    return np.concatenate(matched), before


def _is_same(matched: Any, before: int) -> bool:
    return len(matched) == before and np.array_equal(matched, np.arange(before))


def _report(values: Mapping[str, Any], parts: Mapping[str, Sequence[_Part]]) -> None:
    say(f"base model: {len(values)} variables are carried over")
    said = {part.key: part for of_one in parts.values() for part in of_one}
    for part in sorted(said.values(), key=lambda part: part.name):
        matched = part.matched()
        carried = int(np.sum(matched != _FRESH))
        if carried < len(matched) or not part.is_same():
            say(
                f"base model: {part.name}: {carried} of {len(matched)} rows are carried over, "
                f"{len(matched) - carried} start fresh"
            )
        elif part.old is not None and part.new.get("learned") != part.old.get("learned"):
            say(
                f"base model: {part.name}: carried over, although its scaling differs: "
                f"{part.new['learned']} instead of {part.old['learned']}"
            )


def _save(values: Mapping[str, Any], prefix: str) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        fed = {
            tf.compat.v1.placeholder(value.dtype, value.shape): value for value in values.values()
        }
        saved = tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=list(values),
            shape_and_slices=[""] * len(values),
            tensors=list(fed),
        )
        session.run(saved, fed)
    tf.compat.v1.train.update_checkpoint_state(prefix.rpartition("/")[0], prefix)
