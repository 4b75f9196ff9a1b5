"""Feature columns on Beam: columns that learn, and the compile step.

* `categorical_column_with_learned_vocabulary`: a vocabulary learned from the data.
* `scaled_numeric_column`: z-score or min-max.
* `quantile_bucketized_column`: buckets of equal size.
* `compile_columns`: divides columns between Beam and the model.
* `ColumnPlan`: what it decided; computes the features, rewrites the columns.
* `register_column`: has columns of a class of your own computed on Beam.
* `Analyzers`: what a plan needs to learn from data.
* `write_columns`, `read_columns`, `load_model_columns`: the plan's `columns.json`.
* `analysis`: the seam between the columns and whatever analyses the data.
* `column_kind`: what the table of column kinds says about one kind.
* `columns_file`: `columns.json`: what the transform did with the columns, for people and the
  trainer.
* `description`: columns in words that can be compared between processes.
* `evaluation`: feature columns computed over raw features, as the transform's graph does it.
* `inputs`: raw features in the form that parsing by a column's own spec would give them.
* `kinds`: what follows from a column's kind: what it reads, and what of it Beam computes.
* `learned`: columns that learn from the data: vocabularies, scales and quantiles.
* `lookups`: rows of weights by a column's ids, in fewer operations than TensorFlow's own lookups.
* `names`: names made of a user's names: readable, and different where those are different.
* `nests`: nests of feature columns: whatever structure `feature_columns()` returns.
* `plan`: the compile step: which part of a column runs on Beam, and which in the model.
* `registration`: column classes of a user's own, computed on Beam.
* `report`: which side each column went to, and why, in words.
* `rewriting`: feature columns written anew over the features that the transform wrote.
* `rows`: what the rows of a column's weights stand for, so that weights can move between models.
* `table`: the table of column kinds: what each class of columns reads, computes and becomes.
* `tensorflow_columns`: TensorFlow's own column classes, which have no public name.
* `transformed`: columns of the model: TensorFlow's own, over features that the transform made.
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
    from tfx_estimators.estimator.columns.registration import register_column

__all__ = [
    "Analyzers",
    "ColumnPlan",
    "categorical_column_with_learned_vocabulary",
    "compile_columns",
    "load_model_columns",
    "quantile_bucketized_column",
    "read_columns",
    "register_column",
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
    "register_column": "registration",
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
