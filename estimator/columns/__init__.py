"""Feature columns on Beam: columns that learn, and the compile step.

* `categorical_column_with_learned_vocabulary`: a vocabulary learned from the data.
* `scaled_numeric_column`: z-score or min-max.
* `quantile_bucketized_column`: buckets of equal size.
* `compile_columns`: divides columns between Beam and the model.
* `ColumnPlan`: what it decided; computes the features, rewrites the columns.
* `Analyzers`: what a plan needs to learn from data.
* `write_columns`, `read_columns`, `load_model_columns`: the plan's `columns.json`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.estimator.columns.analysis import Analyzers
    from tfx_estimators.estimator.columns.columns_file import (
        load_model_columns,
        read_columns,
        write_columns,
    )
    from tfx_estimators.estimator.columns.learned import (
        categorical_column_with_learned_vocabulary,
        quantile_bucketized_column,
        scaled_numeric_column,
    )
    from tfx_estimators.estimator.columns.plan import ColumnPlan, compile_columns

__all__ = [
    "Analyzers",
    "ColumnPlan",
    "categorical_column_with_learned_vocabulary",
    "compile_columns",
    "load_model_columns",
    "quantile_bucketized_column",
    "read_columns",
    "scaled_numeric_column",
    "write_columns",
]

_HOMES = {
    "Analyzers": "analysis",
    "ColumnPlan": "plan",
    "categorical_column_with_learned_vocabulary": "learned",
    "compile_columns": "plan",
    "load_model_columns": "columns_file",
    "quantile_bucketized_column": "learned",
    "read_columns": "columns_file",
    "scaled_numeric_column": "learned",
    "write_columns": "columns_file",
}


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import; it is imported when a name is first used.
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
