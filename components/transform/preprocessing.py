"""The preprocessing function that TF Transform runs: the columns, and the user's own."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfx_estimators.components.transform.analyzers import TransformAnalyzers
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import ColumnError, EstimatorTypeError, LabelError
from tfx_estimators.estimator.columns.plan import ColumnPlan, compile_columns

__all__ = ["Preprocessing"]

# What `tft.annotate_asset` calls the collection, seen on TF Transform 1.15, 1.16 and 1.21.
_VOCABULARY_FILES = "tft_asset_filename_collection"


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """A `preprocessing_fn` that can be pickled: workers load the module themselves.

    Attributes:
        module: the user's module.
        label_key: the label, or None.
        custom_config: JSON object for the user's `preprocessing_fn`.
        folder: where facts are left, see `TransformAnalyzers`.
    """

    module: UserModule
    label_key: str | None
    custom_config: str
    folder: str

    def plan(self) -> ColumnPlan:
        """Compiles the module's columns.

        Raises:
            ColumnError: if `feature_columns()` returns something else.
        """
        return compile_columns(self.module.load().feature_columns)

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Builds the graph.

        Args:
            inputs: raw features, as the schema presents them.

        Raises:
            ColumnError: if an output of `preprocessing_fn` has a column's name.
            LabelError: if there is no label.
            EstimatorTypeError: if `preprocessing_fn` returns no dict.
        """
        analyzers = TransformAnalyzers(self.folder)
        outputs = self.plan().transform(inputs, analyzers)
        analyzers.save_facts()
        ours = _vocabulary_files()
        made = self._users_own(self.module.load(), inputs)
        _check_own_files(ours, _vocabulary_files()[len(ours) :])
        if self.label_key is not None and self.label_key not in made:
            made[self.label_key] = _label(inputs, self.label_key, made)
        for name in made:
            if name in outputs:
                raise ColumnError(
                    f"{name!r} is the name of a column and of "
                    + ("the label" if name == self.label_key else "an output of preprocessing_fn"),
                    expected="one feature of a name",
                    fix="rename the output of preprocessing_fn, or remove the column",
                )
        return {**outputs, **made}

    def _users_own(self, module: types.ModuleType, inputs: Mapping[str, Any]) -> dict[str, Any]:
        function = getattr(module, "preprocessing_fn", None)
        if function is None:
            return {}
        extra = {}
        if "custom_config" in inspect.signature(function).parameters:
            extra["custom_config"] = json.loads(self.custom_config)
        made = function(dict(inputs), **extra)
        if not isinstance(made, Mapping):
            raise EstimatorTypeError(
                f"preprocessing_fn returned {type(made).__name__}",
                expected="a dict of tensors",
                fix="return {'name': tensor, ...}",
            )
        return dict(made)


def _vocabulary_files() -> list[str]:
    """Names of the files that vocabularies in the current graph are going to."""
    return list(tf.compat.v1.get_collection(_VOCABULARY_FILES))


def _check_own_files(ours: Sequence[str], users: Sequence[str]) -> None:
    for file in users:
        if file in ours:
            raise ColumnError(
                f"preprocessing_fn and a column that learns both write a vocabulary to {file!r}",
                expected="one vocabulary a file",
                fix="give tft.vocabulary in preprocessing_fn another vocab_filename",
            )


def _label(inputs: Mapping[str, Any], key: str, made: Mapping[str, Any]) -> Any:
    if key not in inputs:
        raise LabelError(
            f"the label {key!r} is missing: it is neither among the raw features "
            f"({', '.join(sorted(inputs))}) nor made by preprocessing_fn "
            f"({', '.join(sorted(made)) or 'nothing'})",
            expected="a raw feature or an output of preprocessing_fn",
            fix="correct label_key",
        )
    raw = inputs[key]
    if isinstance(raw, tf.RaggedTensor):
        raw = raw.to_sparse()
    if not isinstance(raw, tf.SparseTensor):
        return tf.reshape(raw, [-1, 1])
    one_each = tf.reduce_all(tf.equal(raw.indices[:, 0], tf.range(raw.dense_shape[0])))
    problem = f"the label {key} has not exactly one value in every example"
    counts = tf.equal(tf.size(raw.values, out_type=tf.int64), raw.dense_shape[0])
    complete = tf.cond(counts, lambda: one_each, lambda: False)
    with tf.control_dependencies([tf.debugging.Assert(complete, [problem])]):
        return tf.reshape(raw.values, [-1, 1])
