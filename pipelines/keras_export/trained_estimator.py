"""The estimator that a model was exported from, made again from what ML Metadata knows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.utils import json_utils

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.trainer.contracts.settings import merge_params
from tfx_estimators.components.user_module import UserModule, no_exit
from tfx_estimators.errors import KerasConversionError, MissingFilesError
from tfx_estimators.estimator.columns.columns_file import load_plan, read_columns
from tfx_estimators.estimator.columns.names import vocabulary_file
from tfx_estimators.estimator.columns.nests import flatten
from tfx_estimators.estimator.columns.plan import ColumnPlan, Facts
from tfx_estimators.lineage.graph import Graph
from tfx_estimators.lineage.models import find_model
from tfx_estimators.lineage.properties import COLUMNS_FILE, COLUMNS_TYPE
from tfx_estimators.lineage.runs import parameters_of
from tfx_estimators.lineage.store import Store

__all__ = ["LearnedColumns", "TrainedEstimator", "trained_estimator"]

_GRAPH_TYPE = "TransformGraph"
_CHOSEN_TYPE, _CHOSEN_FILE = "HyperParameters", "best_hyperparameters.txt"


@dataclasses.dataclass(frozen=True)
class TrainedEstimator:
    """An estimator as it was trained.

    Attributes:
        estimator: made by the module's `estimator_fn`; its folder is empty.
        known: what its columns have learned.
        read: its variables by name, those of the exported model.
        made: features that `preprocessing_fn` makes.
    """

    estimator: Any
    known: LearnedColumns
    read: Callable[[str], Any]
    made: frozenset[str]


@dataclasses.dataclass(frozen=True)
class LearnedColumns:
    """What a transform's columns have learned.

    Attributes:
        plan: of the columns.
        facts: from `columns.json`.
        graph: the transform's output.
        originals: the user's column by the name of the model's column and that itself.
    """

    plan: ColumnPlan
    facts: Facts
    graph: Any
    originals: Mapping[tuple[str, Any], Any]

    def original(self, column: Any) -> Any:
        """The user's column that a column of the model stands for; else itself."""
        return self.originals.get((column.name, column), column)

    def fact(self, column: Any, fact: str) -> Any:
        """What a column has learned, by the fact's name."""
        return self.plan.fact(self.facts, column, fact)

    def vocabulary(self, column: Any) -> list[bytes]:
        """The values of a learned vocabulary, in their order."""
        name = vocabulary_file(self.plan.learned_name(column))
        return list(self.graph.vocabulary_by_name(name))

    def is_integer(self, feature: str) -> bool:
        """Whether a raw feature holds whole numbers."""
        return bool(self.graph.raw_feature_spec()[feature].dtype.is_integer)


def trained_estimator(store: Store, name: str, saved_model: str, folder: str) -> TrainedEstimator:
    """Makes the estimator of a model again.

    Args:
        store: that knows of the model's training.
        name: see `lineage.models.find_model`.
        saved_model: folder of the model's SavedModel.
        folder: an empty one, for the estimator.

    Raises:
        NotInMetadataError: if there is no such model.
        KerasConversionError: if it was not trained by `feature_columns` and `estimator_fn`.
        MissingFilesError: if what its columns have learned is gone.
        TfxEstimatorsError: if the module cannot be loaded, or its columns are others now.
    """
    model, graph = find_model(store, name), Graph(store)
    producer = graph.producers([model.id]).get(model.id)
    if producer is None:
        raise _not_ours(name, "ML Metadata does not know what trained it")
    properties = parameters_of(graph.executions([producer])[producer])
    read = graph.artifacts(graph.inputs([producer]).get(producer, ())).values()
    inputs = {artifact.type: str(artifact.uri) for artifact in read}
    if _GRAPH_TYPE not in inputs or COLUMNS_TYPE not in inputs:
        raise _not_ours(name, "its trainer had no columns of a FeatureColumnTransform")
    for uri in (inputs[_GRAPH_TYPE], inputs[COLUMNS_TYPE]):
        if not files_for(uri).exists(uri):
            raise MissingFilesError(
                f"{uri} is gone, which the model {name!r} was trained with",
                expected="a model whose transform's outputs are kept",
                fix="run the pipeline again",
            )
    module = UserModule.from_exec_properties(properties).load()
    columns_file = f"{inputs[COLUMNS_TYPE]}/{COLUMNS_FILE}"
    plan, facts = load_plan(module.feature_columns, columns_file)
    columns = plan.model_columns(facts)
    pairs = zip(flatten(plan.columns), flatten(columns), strict=True)
    originals = {(model.name, model): user for (_, user), (_, model) in pairs}
    chosen = None
    if _CHOSEN_TYPE in inputs:
        with tf.io.gfile.GFile(f"{inputs[_CHOSEN_TYPE]}/{_CHOSEN_FILE}") as file:
            chosen = json.loads(file.read())
    params = merge_params(json_utils.loads(str(properties["custom_config"])), chosen)
    config = tf_estimator.RunConfig(model_dir=folder)
    with no_exit():
        estimator = module.estimator_fn(columns, config, params)
    known = LearnedColumns(plan, facts, tft.TFTransformOutput(inputs[_GRAPH_TYPE]), originals)
    made = frozenset(read_columns(columns_file).get("made", {}))
    return TrainedEstimator(estimator, known, _reader(saved_model), made)


def _reader(saved_model: str) -> Callable[[str], Any]:
    variables = tf.train.load_checkpoint(f"{saved_model}/variables/variables")

    def read(name: str) -> Any:
        if not variables.has_tensor(name):
            raise KerasConversionError(
                f"the model in {saved_model} has no variable {name!r}",
                expected="the variables of the estimator that the module makes",
                fix="export with the module that the model was trained with",
            )
        return variables.get_tensor(name)

    return read


def _not_ours(name: str, why: str) -> KerasConversionError:
    return KerasConversionError(
        f"the model {name!r} cannot be converted: {why}",
        expected="a model of EstimatorTrainer, by feature_columns and estimator_fn",
        fix="build the Keras model yourself; the weights are in the model's variables",
    )
