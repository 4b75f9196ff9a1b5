"""`CsvExampleGen` and `ParquetExampleGen`: TFX's own, with readers that work on whole columns.

* `component`: the two components, which take what TFX's take.
* `files_driver`: TFX's driver of ExampleGens over files.
* `executor`: what runs on Beam.
* `csv_files`: CSV files to batches of text columns, or an error with file and line.
* `column_types`: the type of a text column, as TFX infers it, and its values.
* `parquet_files`: Parquet files to the same batches.
* `splits`: which split an example belongs to, by TFX's hash.
* `shuffle`: the examples of a split in a random order that is always the same.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.components.example_gen.component import CsvExampleGen, ParquetExampleGen

__all__ = ["CsvExampleGen", "ParquetExampleGen"]


def __getattr__(name: str) -> Any:
    # TFX takes seconds to import; only what is asked for is.
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.component"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
