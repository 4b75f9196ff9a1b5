"""`FeatureColumnTransform`: feature columns on Beam."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfx.dsl.components.base import base_beam_component
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel

from tfx_estimators.components.artifacts import FeatureColumns
from tfx_estimators.components.executor_specs import LazyBeamExecutorSpec
from tfx_estimators.components.transform.spec import FeatureColumnTransformSpec
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import EmptySplitError, UnsupportedOptionError

__all__ = ["FeatureColumnTransform"]


class FeatureColumnTransform(base_beam_component.BaseBeamComponent):
    """Compiles the module's `feature_columns()` and runs the Beam side of them.

    What depends on the data, or would be repeated each epoch, is computed here with
    TF Transform by TensorFlow's own columns; the rest stays in the model, see
    `tfx_estimators.estimator.columns`.

    Outputs, as stock Transform writes them: `transform_graph` (a TransformGraph, for
    `tft.TFTransformOutput`) and `transformed_examples` (Examples, all splits). Then
    `feature_columns` (a FeatureColumns): `columns.json` for the trainer and for people.
    A feature has its column's name. Statistics are not computed; a StatisticsGen over
    `transformed_examples` gives them.

    Args:
        examples: Examples, the raw ones: tf.Examples in TFRecord files.
        schema: Schema of the raw examples.
        label_key: the label: an output of the module's `preprocessing_fn`, or a raw
            feature, which is passed on as `[batch, 1]`. A raw label may be left out
            where nothing is trained.
        module_file: path of the user's module. It defines `feature_columns()`, and if
            wanted `preprocessing_fn(inputs)` or `(inputs, custom_config)`, whose
            outputs stand beside the columns'.
        module_path: dotted path of the module, instead of `module_file`.
        analyze_splits: splits that vocabularies, scales and quantiles are learned from.
        custom_config: JSON values for `preprocessing_fn`.

    Raises:
        UserModuleError: if there is no module.
        ModuleContractError: if it defines no `feature_columns`.
        EmptySplitError: if `analyze_splits` is empty.
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
        custom_config: Mapping[str, Any] | None = None,
    ) -> None:
        module = UserModule.find(module_file, module_path)
        module.require([["feature_columns"]], of="FeatureColumnTransform")
        if not analyze_splits or isinstance(analyze_splits, str):
            raise EmptySplitError(
                f"FeatureColumnTransform: analyze_splits={analyze_splits!r}",
                expected="a list of at least one split name",
                fix="leave it out to learn from 'train'",
            )
        super().__init__(
            spec=FeatureColumnTransformSpec(
                examples=examples,
                schema=schema,
                label_key=label_key,
                analyze_splits=json.dumps(list(analyze_splits)),
                custom_config=_as_json(custom_config),
                **module.exec_properties(),
                transform_graph=Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=Channel(type=standard_artifacts.Examples),
                feature_columns=Channel(type=FeatureColumns),
            )
        )


def _as_json(config: Mapping[str, Any] | None) -> str:
    try:
        return json.dumps(dict(config or {}), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise UnsupportedOptionError(
            f"FeatureColumnTransform: custom_config={config!r}: {error}",
            expected="a dict of JSON values",
            fix="pass strings, numbers, lists and dicts only",
        ) from error
