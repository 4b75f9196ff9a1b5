"""The preprocessing function that TF Transform runs: the columns, and the user's own."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from tfx_estimators.components.transform.analysis import Analysis
from tfx_estimators.components.transform.analyzers import FusedAnalyzers, TransformAnalyzers
from tfx_estimators.components.transform.example_weights import weight_columns
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import ColumnError, EstimatorTypeError, LabelError
from tfx_estimators.estimator.columns.kinds import feature_name, is_plain_number
from tfx_estimators.estimator.columns.plan import ColumnPlan, compile_columns
from tfx_estimators.estimator.graphs import inputs_of, stop_unless

__all__ = ["Made", "MadeFeature", "Preprocessing"]

# What `tft.annotate_asset` calls the collection, seen on TF Transform 1.15, 1.16 and 1.21.
_VOCABULARY_FILES = "tft_asset_filename_collection"
# What no training takes for a label.
_NOTHING = {tf.float32: float("nan"), tf.int64: tf.int64.min, tf.string: ""}


@dataclasses.dataclass(frozen=True)
class MadeFeature:
    """An output of the user's `preprocessing_fn`.

    Attributes:
        spec: its `tf.TypeSpec`.
        inputs: raw features that it is computed from, example by example.
    """

    spec: Any
    inputs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Made:
    """What the user's `preprocessing_fn` makes, and of what.

    Attributes:
        features: its outputs by name.
        read: raw features that it reads, for whatever it does with them.
    """

    features: Mapping[str, MadeFeature]
    read: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """A `preprocessing_fn` that can be pickled: workers load the module themselves.

    Attributes:
        module: the user's module.
        label_key: the label, or None.
        custom_config: JSON object for the user's `preprocessing_fn`.
        folder: where facts are left, see `TransformAnalyzers`.
        label_values: how many values a raw label has in each example; None where that
            differs.
        analysis: what the columns learn from; TF Transform's analyses where not given.
    """

    module: UserModule
    label_key: str | None
    custom_config: str
    folder: str
    label_values: int | None = 1
    analysis: Analysis | None = None

    def made(self, raw: Mapping[str, Any]) -> Made:
        """What the user's `preprocessing_fn` makes.

        Args:
            raw: raw feature -> its `tf.TypeSpec`.
        """
        module = self.module.load()
        found: dict[str, MadeFeature] = {}
        read: set[str] = set()
        if getattr(module, "preprocessing_fn", None) is None:
            return Made(found)

        def probe(inputs: Mapping[str, Any]) -> dict[str, Any]:
            outputs = self._users_own(module, inputs)
            for name, tensor in outputs.items():
                spec = tf.type_spec_from_value(tensor)
                found[name] = MadeFeature(spec, tuple(inputs_of(tensor, inputs)))
            read.update(*(feature.inputs for feature in found.values()))
            for name, tensor in inputs.items():
                parts = tf.nest.flatten(tensor, expand_composites=True)
                if any(part.consumers() for part in parts):
                    read.add(name)
            return outputs

        tft.get_transform_input_columns(probe, raw)
        return Made(found, frozenset(read))

    def plan(self, made: Collection[str] = ()) -> ColumnPlan:
        """Compiles the module's columns.

        Args:
            made: names of what `preprocessing_fn` makes.

        Raises:
            ColumnError: if `feature_columns()` returns something else.
        """
        reserved = [name for name in made if name != self.label_key]
        return compile_columns(self.module.load().feature_columns, reserved)

    def weights(self, plan: ColumnPlan, raw: Collection[str], made: Collection[str]) -> list[str]:
        """Features that the module's estimator takes for weights.

        Args:
            plan: the compiled columns.
            raw: names of the raw features.
            made: names of what `preprocessing_fn` makes.

        Raises:
            ColumnError: if the transformed feature of that name is not the number itself.
        """
        named = [name for name in weight_columns(self.module.load()) if name in {*raw, *made}]
        for feature in plan.features:
            if feature.name in named and not is_plain_number(feature):
                raise ColumnError(
                    f"weight_column={feature.name!r} would be what column {feature.column.name!r} "
                    "computes, not the raw number",
                    expected="a feature that no column reads, or a numeric_column without a "
                    "normalizer_fn",
                    fix="return the weight from preprocessing_fn under another name",
                )
        return named

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Builds the graph.

        Args:
            inputs: raw features, as the schema presents them.

        Raises:
            ColumnError: if an output of `preprocessing_fn` has a column's name.
            LabelError: if there is no label.
            EstimatorTypeError: if `preprocessing_fn` returns no dict.
        """
        made = self._users_own(self.module.load(), inputs)
        users_files = _vocabulary_files()
        plan = self.plan(made)
        _check_names(plan, made, inputs, self.label_key)
        analyzers = self._analyzers()
        readable = {name: tensor for name, tensor in made.items() if name != self.label_key}
        outputs = plan.transform({**readable, **inputs}, analyzers)
        analyzers.save_facts()
        _check_own_files(_vocabulary_files()[len(users_files) :], users_files)
        for name in self.weights(plan, inputs, made):
            if name not in outputs and name not in made:
                outputs[name] = _values(inputs[name], f"the weight {name}", 1)
        if self.label_key is not None and self.label_key not in made:
            made[self.label_key] = _label(inputs, self.label_key, made, self.label_values)
        return {**outputs, **made}

    def _analyzers(self) -> TransformAnalyzers:
        if self.analysis is None:
            return TransformAnalyzers(self.folder)
        return FusedAnalyzers(self.analysis, self.folder)

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
                expected="one vocabulary per file",
                fix="give tft.vocabulary in preprocessing_fn another vocab_filename",
            )


def _check_names(
    plan: ColumnPlan, made: Mapping[str, Any], raw: Mapping[str, Any], label_key: str | None
) -> None:
    """That a name stands for one thing: what `preprocessing_fn` makes, or what a column does.

    A column may read what `preprocessing_fn` makes, and then its feature has another name.
    """
    read = {needed.key for needed in plan.inputs}
    for feature in plan.features:
        name = feature_name(feature.column, feature.kind) if feature.kind != "raw" else feature.name
        whose = "the label" if name == label_key else "an output of preprocessing_fn"
        taken = name in made and not (name in read and name not in raw)
        if name == label_key or taken:
            raise ColumnError(
                f"{name!r} is the name of a column and of {whose}",
                expected="one feature per name",
                fix="rename the output of preprocessing_fn, or remove the column",
            )
    for name in sorted(read & set(made) & set(raw)):
        raise ColumnError(
            f"a column reads {name!r}, which is a raw feature and an output of preprocessing_fn",
            expected="one feature per name",
            fix="rename the output of preprocessing_fn",
        )


def _label(
    inputs: Mapping[str, Any], key: str, made: Mapping[str, Any], count: int | None = 1
) -> Any:
    if key not in inputs:
        raise LabelError(
            f"the label {key!r} is missing: it is neither among the raw features "
            f"({', '.join(sorted(inputs))}) nor made by preprocessing_fn "
            f"({', '.join(sorted(made)) or 'nothing'})",
            expected="a raw feature or an output of preprocessing_fn",
            fix="correct label_key",
        )
    return _values(inputs[key], f"the label {key}", count)


def _values(raw: Any, what: str, count: int | None) -> Any:
    """A raw feature's values, `[batch, count]`; a `SparseTensor` where their number differs."""
    if isinstance(raw, tf.RaggedTensor):
        raw = raw.to_sparse()
    if not isinstance(raw, tf.SparseTensor):
        return tf.reshape(raw, [-1, raw.shape[1:].num_elements()])
    if count is None and raw.dtype != tf.float32:
        return _without_repeats(raw, what)
    count = count or 1
    batch = raw.dense_shape[0]
    # Row by row: that the values are as many as they should be does not say whose they are.
    have = tf.math.unsorted_segment_sum(tf.ones_like(raw.indices[:, 0]), raw.indices[:, 0], batch)
    number = "one value" if count == 1 else f"{count} values"
    problem = f"{what} has not exactly {number} in every example"
    complete = tf.reduce_all(tf.equal(have, count)) | _is_stand_in(raw, have)
    there = tf.less(raw.indices[:, 1], count)
    with tf.control_dependencies([stop_unless(complete, [problem])]):
        empty = tf.fill(tf.stack([batch, count]), _NOTHING[raw.dtype])
    return tf.ensure_shape(
        tf.tensor_scatter_nd_update(
            empty, tf.boolean_mask(raw.indices, there), tf.boolean_mask(raw.values, there)
        ),
        [None, count],
    )


def _is_stand_in(raw: Any, have: Any) -> Any:
    """Whether this is what TF Transform puts where a served example needs no such feature.

    It then computes everything, and takes no notice of what came of it.
    """
    nothing = tf.constant("" if raw.dtype == tf.string else 0, raw.dtype)
    return tf.reduce_all(tf.equal(have, 1)) & tf.reduce_all(tf.equal(raw.values, nothing))


def _without_repeats(classes: Any, what: str) -> Any:
    """Several classes an example: a vector of 0 and 1 has values that repeat."""
    if classes.dtype == tf.string:
        return classes
    pairs = tf.stack([classes.indices[:, 0], classes.values], axis=1)
    different, _ = tf.raw_ops.UniqueV2(x=pairs, axis=[0])
    problem = f"{what} has a value twice in an example, so it is probably not a list of classes"
    once = tf.equal(tf.shape(different)[0], tf.shape(pairs)[0])
    with tf.control_dependencies([stop_unless(once, [problem])]):
        return classes.with_values(tf.identity(classes.values))
