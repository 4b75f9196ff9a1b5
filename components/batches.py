"""Joins small batches of records, as a Beam DoFn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

__all__ = ["JoinBatches"]


class JoinBatches(beam.DoFn):
    """Joins lists of records that are too small, as the only ones of small files are.

    What a list costs the model that it is given to would otherwise be paid for every few
    records.

    Args:
        batch_size: records of a list that is given on as it is; no list gets larger.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._pending: list[bytes] = []

    def process(self, records: list[bytes]) -> Iterator[list[bytes]]:
        """Gives on a full list; another one waits for more of its bundle."""
        if len(records) >= self._batch_size:
            yield records
            return
        self._pending += records
        if len(self._pending) >= self._batch_size:
            yield self._pending[: self._batch_size]
            self._pending = self._pending[self._batch_size :]

    def finish_bundle(self) -> Iterator[Any]:
        """Gives on what still waits."""
        pending, self._pending = self._pending, []
        if pending:
            yield beam.transforms.window.GlobalWindows.windowed_value(pending)
