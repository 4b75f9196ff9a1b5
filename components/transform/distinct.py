"""Stops an analysis whose vocabulary would be too large before it is counted.

TF Transform holds every distinct value until the analysis is done, in the direct runner half
a gigabyte for a million of them. Here each worker remembers what it has seen as far as the
limit, and no further.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
from pyarrow import compute

from tfx_estimators.errors import ColumnError

__all__ = ["DistinctLimit", "too_large"]


class DistinctLimit(beam.DoFn):
    """Passes record batches on until a feature has had more distinct values than allowed.

    A worker sees its own share only: what is too large in sum, the whole vocabulary's size
    tells when it is learned.

    Args:
        names: feature -> name of the column that learns a vocabulary from all its values.
        most: how many there may be.
    """

    def __init__(self, names: Mapping[str, str], most: int) -> None:
        self._names = dict(names)
        self._most = most

    def setup(self) -> None:
        """Begins a worker's count."""
        self._seen: dict[str, set[int]] = {feature: set() for feature in self._names}

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """See `beam.DoFn`.

        Raises:
            ColumnError: once there are too many.
        """
        for feature, name in self._names.items():
            self._count(_values(batch, feature), self._seen[feature], name)
        yield batch

    def _count(self, values: Any, seen: set[int], name: str) -> None:
        if values is None:
            return
        # Hashes: a value may be long.
        seen.update(map(hash, compute.unique(values).to_pylist()))
        if len(seen) > self._most:
            raise too_large(name, f"more than {self._most}", self._most)


def too_large(name: str, entries: str, most: int) -> ColumnError:
    """The error for a vocabulary that nobody has said may be so large."""
    return ColumnError(
        f"column {name!r} learned a vocabulary of {entries} entries",
        expected=f"at most {most}, or a top_k that allows more",
        fix="pass top_k or frequency_threshold, or use "
        "categorical_column_with_hash_bucket, which needs no vocabulary",
    )


def _values(batch: pa.RecordBatch, feature: str) -> Any:
    """All values of a feature; None where the batch has none."""
    index = batch.schema.get_field_index(feature)
    if index < 0:
        return None
    column = batch.column(index)
    while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = column.flatten()
    return None if pa.types.is_null(column.type) else column
