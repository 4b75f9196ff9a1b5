"""`FeatureColumnTransform`: feature columns on Beam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx.dsl.components.base import base_beam_component
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel

from tfx_estimators.components.artifacts import FeatureColumns
from tfx_estimators.components.cache_key import complete_cache_keys
from tfx_estimators.components.executor_specs import LazyBeamExecutorSpec
from tfx_estimators.components.transform.spec import (
    STATISTICS_OUTPUTS,
    FeatureColumnTransformSpec,
)
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import EmptySplitError, UnsupportedOptionError
from tfx_estimators.json_text import dumps

__all__ = ["FeatureColumnTransform"]


class FeatureColumnTransform(base_beam_component.BaseBeamComponent):
    """Compiles the module's `feature_columns()` and runs the Beam side of them.

    What depends on the data, or would be repeated each epoch, is computed here with
    TF Transform by TensorFlow's own columns; the rest stays in the model, see
    `tfx_estimators.estimator.columns`.

    Outputs, as stock Transform writes them: `transform_graph` (a TransformGraph, for
    `tft.TFTransformOutput`) and `transformed_examples` (Examples, all splits). Then
    `feature_columns` (a FeatureColumns): `columns.json` for the trainer and for people.
    A feature has its column's name. `updated_analyzer_cache` (a TransformCache) and the
    outputs of `statistics` are there when asked for.

    Args:
        examples: Examples, the raw ones, of one or several spans: tf.Examples in TFRecord
            files, or Parquet files (`FORMAT_PARQUET`).
        schema: Schema of the raw examples.
        label_key: the label: an output of the module's `preprocessing_fn`, or a raw
            feature, which is passed on as `[batch, 1]`. A raw label may be left out
            where nothing is trained.
        module_file: path of the user's module. It defines `feature_columns()`, and if
            wanted `preprocessing_fn(inputs)` or `(inputs, custom_config)`, whose
            outputs stand beside the columns'.
        module_path: dotted path of the module, instead of `module_file`.
        analyze_splits: splits that vocabularies, scales and quantiles are learned from.
        transform_splits: splits to transform; all where not given.
        custom_config: JSON values for `preprocessing_fn`.
        analyzer_cache: TransformCache of an earlier run, e.g. from a Resolver: spans that
            it knows are not analysed again.
        cache_analysis: whether to write `updated_analyzer_cache`; implied by
            `analyzer_cache`.
        statistics: whether to compute statistics of the analysed splits before, and of all
            transformed ones after the transform, as stock Transform does: outputs
            `pre_transform_schema`, `pre_transform_stats`, `post_transform_schema`,
            `post_transform_stats` and `post_transform_anomalies`.

    Raises:
        UserModuleError: if there is no module.
        ModuleContractError: if it defines no `feature_columns`.
        EmptySplitError: if `analyze_splits` or `transform_splits` is empty.
        UnsupportedOptionError: if `custom_config` is not JSON.
    """

    SPEC_CLASS = FeatureColumnTransformSpec
    EXECUTOR_SPEC = LazyBeamExecutorSpec("tfx_estimators.components.transform.executor.Executor")

    def __init__(
        self,
        *,
        examples: BaseChannel,
        schema: BaseChannel,
        label_key: str | None = None,
        module_file: str | None = None,
        module_path: str | None = None,
        analyze_splits: Sequence[str] = ("train",),
        transform_splits: Sequence[str] | None = None,
        custom_config: Mapping[str, Any] | None = None,
        analyzer_cache: BaseChannel | None = None,
        cache_analysis: bool = False,
        statistics: bool = False,
    ) -> None:
        complete_cache_keys()
        module = UserModule.find(module_file, module_path)
        module.require([["feature_columns"]], of="FeatureColumnTransform")
        _check_splits("analyze_splits", analyze_splits, "learn from 'train'")
        wanted: dict[str, Any] = {}
        if transform_splits is not None:
            _check_splits("transform_splits", transform_splits, "transform all splits")
            wanted["transform_splits"] = dumps(list(transform_splits))
        if cache_analysis or analyzer_cache is not None:
            wanted["analyzer_cache"] = analyzer_cache
            wanted["updated_analyzer_cache"] = Channel(type=standard_artifacts.TransformCache)
        if statistics:
            wanted.update({key: Channel(type=kind) for key, kind in STATISTICS_OUTPUTS.items()})
        super().__init__(
            spec=FeatureColumnTransformSpec(
                examples=examples,
                schema=schema,
                label_key=label_key,
                analyze_splits=dumps(list(analyze_splits)),
                custom_config=_as_json(custom_config),
                **module.exec_properties(),
                transform_graph=Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=Channel(type=standard_artifacts.Examples),
                feature_columns=Channel(type=FeatureColumns),
                **wanted,
            )
        )


def _check_splits(name: str, splits: Sequence[str], otherwise: str) -> None:
    if not splits or isinstance(splits, str):
        raise EmptySplitError(
            f"FeatureColumnTransform: {name}={splits!r}",
            expected="a list of at least one split name",
            fix=f"leave it out to {otherwise}",
        )


def _as_json(config: Mapping[str, Any] | None) -> str:
    try:
        return dumps(dict(config or {}), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise UnsupportedOptionError(
            f"FeatureColumnTransform: custom_config={config!r}: {error}",
            expected="a dict of JSON values",
            fix="pass strings, numbers, lists and dicts only",
        ) from error
