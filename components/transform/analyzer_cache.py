"""Analyses that were made before: what each span's examples gave, kept as an artifact.

An analyzer cache holds TF Transform's accumulators, one set an analyzer and a dataset. A
dataset is a split of one Examples artifact, so a span that is new is the only one read.

Private name: `tensorflow_transform.beam.analysis_graph_builder`, which stock TFX
Transform calls in the same way, seen on TF Transform 1.15, 1.16 and 1.21.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.beam import analysis_graph_builder
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from tfx_estimators.components.examples import Split

__all__ = ["AnalyzerCache"]

_BY_TENSORFLOW_1 = False


@dataclasses.dataclass(frozen=True)
class AnalyzerCache:
    """The TransformCache artifacts of a run.

    Attributes:
        read_from: folder of the cache that an earlier run wrote, or None.
        write_to: folder of the cache to write: what was read and still applies, and
            what is new.
    """

    read_from: str | None
    write_to: str

    def analyze(self, pipeline: Any, data: Any, splits: Sequence[Split], preprocessing: Any) -> Any:
        """Analyses what the cache lacks.

        Args:
            pipeline: the Beam pipeline.
            data: `stages.RawData` over the features that the analysis needs.
            splits: what to learn from.
            preprocessing: the preprocessing function.

        Returns:
            what `tft_beam.AnalyzeDataset` gives.
        """
        datasets = {_key(part): part for split in splits for part in split.parts}
        keys = list(datasets)
        known: Any = {}
        if self.read_from is not None:
            entries = analysis_graph_builder.get_analysis_cache_entry_keys(
                preprocessing, data.type_specs, keys, _BY_TENSORFLOW_1
            )
            known = pipeline | "ReadCache" >> tft_beam.analyzer_cache.ReadAnalysisCacheFromFS(
                self.read_from, keys, cache_entry_keys=entries
            )
        missing = analysis_graph_builder.get_analysis_dataset_keys(
            preprocessing, data.type_specs, keys, known, _BY_TENSORFLOW_1
        )
        batches = {
            key: pipeline | data.read(part, f"analyzed[{number}]") if key in missing else None
            for number, (key, part) in enumerate(datasets.items())
        }
        transform_fn, made = (
            batches,
            known,
            data.tensor_adapter_config,
        ) | "Analyze" >> tft_beam.AnalyzeDatasetWithCache(preprocessing, pipeline=pipeline)
        self._keep(keys)
        if made:
            _ = made | "WriteCache" >> tft_beam.analyzer_cache.WriteAnalysisCacheToFS(
                pipeline=pipeline, cache_base_dir=self.write_to, dataset_keys=keys
            )
        return transform_fn

    def _keep(self, keys: list[Any]) -> None:
        """Copies what was read; what belongs to spans that are gone is left out."""
        fileio.makedirs(self.write_to)
        for key in keys:
            folder = f"{self.read_from}/{key.key}"
            if self.read_from is not None and fileio.isdir(folder):
                io_utils.copy_dir(folder, f"{self.write_to}/{key.key}")


def _key(part: Split) -> Any:
    digest = hashlib.sha256(f"{part.name}\n{part.patterns}".encode())
    for file in part.files:
        digest.update(f"\n{file} {tf.io.gfile.stat(file).length}".encode())
    return tft_beam.analyzer_cache.DatasetKey(f"dataset-{digest.hexdigest()}")
