"""The transform graph: what it asks of the data, how it is written, how batches go through it.

Private names, which stock TFX Transform calls or comes to in the same way:
`tensorflow_transform.impl_helper`, `tensorflow_transform.analyzer_nodes`,
`tensorflow_transform.annotators` and `tensorflow_transform.saved.saved_transform_io_v2`,
seen on TF Transform 1.15, 1.16 and 1.21.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.utils.shared import Shared
from tensorflow_transform import analyzer_nodes, annotators, impl_helper
from tensorflow_transform.saved import saved_transform_io_v2
from tensorflow_transform.tf_metadata import metadata_io
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter

from tfx_estimators.json_text import dumps

__all__ = ["ApplyGraph", "Traced", "trace", "write_graph", "write_raw_schema"]

_BY_TENSORFLOW_1 = False


@dataclasses.dataclass(frozen=True)
class Traced:
    """What is known of a preprocessing function once its graph was built.

    Attributes:
        inputs: raw features that its outputs are computed from.
        analyzes: whether analyses of TF Transform are in it.
    """

    inputs: Collection[str]
    analyzes: bool


def trace(preprocessing: Any, type_specs: Mapping[str, Any]) -> Traced:
    """Builds a preprocessing function's graph, and forgets it.

    Args:
        preprocessing: the function.
        type_specs: raw feature -> its `tf.TypeSpec`.
    """
    left: list[Any] = []

    def traced(inputs: Mapping[str, Any]) -> Any:
        outputs = preprocessing(inputs)
        left.extend(tf.compat.v1.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS))
        return outputs

    inputs = tft.get_transform_input_columns(traced, type_specs)
    return Traced(inputs, bool(left))


def write_graph(preprocessing: Any, type_specs: Mapping[str, Any], folder: str) -> None:
    """Builds and writes the graph of a preprocessing function that analyses nothing.

    Args:
        preprocessing: the function.
        type_specs: raw feature -> its `tf.TypeSpec`.
        folder: of the TransformGraph artifact.
    """
    assets: dict[str, str] = {}

    def traced(inputs: Mapping[str, Any]) -> Any:
        outputs = preprocessing(inputs)
        assets.update(annotators.get_asset_annotations(tf.compat.v1.get_default_graph()))
        return outputs

    impl_helper.analyze_in_place(traced, _BY_TENSORFLOW_1, None, type_specs, folder)
    output = tft.TFTransformOutput
    path = f"{folder}/{output.TRANSFORMED_METADATA_DIR}/{output.ASSET_MAP}"
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(dumps(assets))


def write_raw_schema(schema: Any, folder: str) -> None:
    """Writes the schema of the raw examples where `tft.TFTransformOutput` looks for it.

    Args:
        schema: `schema_pb2.Schema`.
        folder: of the TransformGraph artifact.
    """
    raw = f"{folder}/{tft.TFTransformOutput.RAW_METADATA_DIR}"
    metadata_io.write_metadata(tft.DatasetMetadata(schema), raw)


class ApplyGraph(beam.DoFn):
    """Transforms `pyarrow.RecordBatch`es by a graph that was written.

    Args:
        folder: of the TransformGraph artifact.
        config: how record batches become tensors, `RawData.tensor_adapter_config`.
        loaded: holds the graph for all the threads of a process.
    """

    def __init__(self, folder: str, config: Any, loaded: Shared) -> None:
        self._folder = folder
        self._tensors = config
        self._loaded = loaded

    def setup(self) -> None:
        """Loads the graph, once a process."""
        self._adapter = TensorAdapter(self._tensors)
        output = tft.TFTransformOutput(self._folder)
        schema = output.transformed_metadata.schema
        self._converter = impl_helper.make_tensor_to_arrow_converter(schema)
        self._graph = self._loaded.acquire(lambda: self._load(output), tag=self._folder)

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Transforms one batch.

        Raises:
            ValueError: if an assertion in the graph fails; with its text.
        """
        features = self._adapter.ToBatchTensors(batch, produce_eager_tensors=True)
        try:
            transformed = self._graph.apply_transform_model(features)
        except tf.errors.OpError as error:
            # Not every runner can pass TensorFlow's errors on.
            raise ValueError(str(error)) from error
        yield self._converter.convert(transformed)

    def _load(self, output: Any) -> Any:
        graph = saved_transform_io_v2.SavedModelLoader(output.transform_savedmodel_dir)
        graph.finalize(set(self._tensors.tensor_representations), set(graph.structured_outputs))
        return graph
