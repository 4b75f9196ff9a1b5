"""The seam between the columns and whatever analyses the data.

This room knows TensorFlow only. A component that has TF Transform supplies an
`Analyzers`; columns that learn from data reach it through the `TransformState` that
takes the place of TensorFlow's state manager while they are evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns.tensorflow_columns import StateManager

__all__ = ["Analyzers", "TransformState"]


class Analyzers(Protocol):
    """Full-pass analyses over the training data, inside a graph being built.

    Each is told the tensor of the values, all that are present, and the name of the feature
    that they are the values of.
    """

    def vocabulary_ids(
        self,
        values: Any,
        feature: str,
        name: str,
        *,
        top_k: int | None,
        frequency_threshold: int | None,
        num_oov_buckets: int,
        default_value: int,
    ) -> Any:
        """Looks up `values` in the vocabulary of all values, most frequent first.

        Args:
            values: string or int64 `SparseTensor`.
            feature: whose values they are.
            name: of the vocabulary; the same name is the same vocabulary.
            top_k: most entries, None for all.
            frequency_threshold: fewest occurrences of an entry, None for one.
            num_oov_buckets: hash buckets for other values, after the entries.
            default_value: id of other values where there are no such buckets.

        Returns:
            int64 `SparseTensor` of ids. The size is recorded as `vocabulary_size`.
        """

    def count(self, values: Any, feature: str) -> Any:
        """Number of a feature's values over all examples, scalar."""

    def mean_and_variance(self, values: Any, feature: str) -> tuple[Any, Any]:
        """Mean and variance of a feature's float32 values over all examples, scalars."""

    def minimum_and_maximum(self, values: Any, feature: str) -> tuple[Any, Any]:
        """Minimum and maximum of a feature's float32 values over all examples, scalars."""

    def quantiles(self, values: Any, feature: str, num_buckets: int) -> Any:
        """Boundaries, shape `[num_buckets - 1]`, that split a feature's values evenly."""

    def record(self, name: str, fact: str, value: Any) -> None:
        """Keeps what was learned, for the report and the model-side columns.

        Args:
            name: unique name of the column.
            fact: what it is, e.g. "mean".
            value: tensor that is constant once the analysis is done.
        """

    def keep(self, resource: Any) -> None:
        """Keeps a lookup table, made outside the graph, alive with the graph."""


class TransformState(StateManager):
    """State manager under which columns are evaluated for the transform graph.

    Args:
        analyzers: the analyses.
        names: column that learns -> its unique name.
    """

    def __init__(self, analyzers: Analyzers, names: Mapping[Any, str]) -> None:
        self.analyzers = analyzers
        self._names = names
        self._resources: dict[tuple[Any, str], Any] = {}

    @classmethod
    def of(cls, state_manager: Any, column: Any) -> tuple[Analyzers, str]:
        """The analyzers and the name of a column that is being evaluated.

        Raises:
            ColumnError: if it is evaluated anywhere but in a transform graph.
        """
        if not isinstance(state_manager, cls):
            raise uncompiled(column)
        return state_manager.analyzers, state_manager._names[column]

    def has_resource(self, feature_column: Any, resource_name: str) -> bool:
        """Whether a table was added."""
        return (feature_column, resource_name) in self._resources

    def get_resource(self, feature_column: Any, resource_name: str) -> Any:
        """The table that was added."""
        return self._resources[feature_column, resource_name]

    def add_resource(self, feature_column: Any, resource_name: str, resource: Any) -> None:
        """Takes a lookup table that a column has made."""
        self._resources[feature_column, resource_name] = resource
        self.analyzers.keep(resource)

    def get_variable(self, feature_column: Any, name: str) -> Any:
        """No variable: what is trained is not computed on Beam.

        Raises:
            ColumnError: always.
        """
        raise ColumnError(
            f"{type(feature_column).__name__} {feature_column.name!r} reads its variable {name!r}",
            expected="a column without variables, as it is registered as computed on Beam",
            fix="do not register the class: then the model evaluates the column as it is",
        )


def uncompiled(column: Any) -> ColumnError:
    """The error for a learned column that reached a model as the user wrote it."""
    return ColumnError(
        f"{type(column).__name__} {column.name!r} has learned nothing yet",
        expected="the columns that FeatureColumnTransform compiled, in estimator_fn's `columns`",
        fix="build the estimator from estimator_fn's `columns`, not from feature_columns(); "
        "in your own code: columns.load_model_columns(feature_columns(), 'columns.json')",
    )
