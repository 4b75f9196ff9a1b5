"""Reads files a batch of columns at a time, on Beam, and writes TFRecords of tf.Examples.

Private names: `BaseExecutor._log_startup` and `BaseBeamExecutor._make_beam_pipeline`,
seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.example_gen import base_example_gen_executor, utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as keys
from tfx.utils import proto_utils

from tfx_estimators.components.beam_flags import set_flags
from tfx_estimators.components.example_encoding import ExampleEncoder
from tfx_estimators.components.example_gen.column_types import ColumnType, infer_type, to_lists
from tfx_estimators.components.example_gen.csv_files import read_cells, read_header
from tfx_estimators.components.example_gen.parquet_files import example_schema, read_lists
from tfx_estimators.components.example_gen.shuffle import (
    Scatter,
    WriteShard,
    bucket_count,
    empty_buckets,
)
from tfx_estimators.components.example_gen.splits import HashSplits
from tfx_estimators.components.progress import count_examples, counted_examples, show_progress
from tfx_estimators.errors import CorruptRecordError, EmptySplitError, UnsupportedOptionError

__all__ = ["CsvExecutor", "ParquetExecutor"]

_STEP = "ExampleGen"


class _Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """What reading CSV and reading Parquet share.

    The base class is TFX's, by which TFX and the Kubeflow entrypoint know that the step
    reads spans of files. It makes one Python object an example; here nothing does.
    """

    def __init__(self, context: Any = None) -> None:
        super().__init__(set_flags(context, plugin=False))

    def GetInputSourceToExamplePTransform(self) -> Any:
        """TFX's hook for a reader of single examples.

        Raises:
            NotImplementedError: always; `Do` does not use it.
        """
        raise NotImplementedError(f"{type(self).__name__} reads batches")

    def _read(self, files: Any, paths: Sequence[str]) -> Any:
        """Reads files in a Beam pipeline.

        Args:
            files: a PCollection of `(number, path)`.
            paths: the same paths, in the order of their numbers.

        Returns:
            a PCollection of `((number of the file, number of the first row), batch)`, each
            batch a `pyarrow.RecordBatch` of list columns.
        """
        raise NotImplementedError

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Examples artifact.

        Raises:
            CorruptRecordError: if a file cannot be read; its name and line are in the message.
            EmptySplitError: if there are no rows, or no files.
            UnsupportedOptionError: if another format than gzipped TFRecords is asked for.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        inputs, outputs = example_gen_pb2.Input(), example_gen_pb2.Output()
        proto_utils.json_to_proto(exec_properties[keys.INPUT_CONFIG_KEY], inputs)
        proto_utils.json_to_proto(exec_properties[keys.OUTPUT_CONFIG_KEY], outputs)
        _check_format(exec_properties)
        base = exec_properties[keys.INPUT_BASE_KEY]
        names = utils.generate_output_split_names(inputs, outputs)
        examples = artifact_utils.get_single_instance(output_dict[keys.EXAMPLES_KEY])
        examples.split_names = artifact_utils.encode_split_names(names)
        rules = _splits(inputs, outputs, names)
        folders = {name: artifact_utils.get_split_uri([examples], name) for name in names}
        scratch = f"{examples.uri}/.scattered"
        fileio.makedirs(scratch)
        with show_progress(_STEP, "examples") as progress:
            with self._make_beam_pipeline() as pipeline:
                for pattern, split_names, splits in rules:
                    paths = _find(base, pattern)
                    buckets = bucket_count(sum(map(_size, paths)))
                    _ = (
                        (
                            pipeline
                            | f"Read[{pattern}]" >> _Read(self, paths, pattern)
                            | f"Encode[{pattern}]" >> beam.ParDo(_Encode())
                            | f"Scatter[{pattern}]"
                            >> beam.ParDo(Scatter(split_names, splits, buckets, scratch)),
                            pipeline
                            | f"Buckets[{pattern}]"
                            >> beam.Create(empty_buckets(split_names, buckets)),
                        )
                        | f"Both[{pattern}]" >> beam.Flatten()
                        | f"Gather[{pattern}]" >> beam.GroupByKey()
                        | f"Write[{pattern}]" >> beam.ParDo(WriteShard(folders, buckets))
                    )
            count = counted_examples(pipeline.result)
            progress.reach(count)
        fileio.rmtree(scratch)
        if not count:
            raise EmptySplitError(
                f"the files in {base} hold no rows",
                expected="at least one row below the header",
                fix="check input_base and the patterns of the input config",
            )


class CsvExecutor(_Executor):
    """CSV files; every file begins with a header."""

    def _read(self, files: Any, paths: Sequence[str]) -> Any:
        names = read_header(paths[0])
        for path in paths[1:]:
            if (other := read_header(path)) != names:
                raise CorruptRecordError(
                    f"{path}, line 1 has the columns {', '.join(other)}",
                    expected=f"those of {paths[0]}: {', '.join(names)}",
                    fix="put files with different columns into their own split or step",
                )
        types = (
            files
            | "FindTypes" >> beam.ParDo(_FindTypes(names))
            | "MergeTypes" >> beam.CombineGlobally(_HighestTypes(len(names)))
        )
        return files | "Read" >> beam.ParDo(_ReadCsv(names), beam.pvalue.AsSingleton(types))


class ParquetExecutor(_Executor):
    """Parquet files, all of the same columns."""

    def _read(self, files: Any, paths: Sequence[str]) -> Any:
        return files | "Read" >> beam.ParDo(_ReadParquet(example_schema(paths[0])))


class _Read(beam.PTransform):
    def __init__(self, executor: _Executor, paths: Sequence[str], name: str) -> None:
        super().__init__()
        self._executor = executor
        self._paths = paths
        self._name = name

    def expand(self, pipeline: Any) -> Any:
        files = (
            pipeline
            | "Files" >> beam.Create(list(enumerate(self._paths)))
            | "Spread" >> beam.Reshuffle()
        )
        # The method knows this executor; the transforms that it makes do not.
        batches = self._executor._read(files, self._paths)
        return batches | count_examples(self._name, size=lambda placed: placed[1].num_rows)

    def default_label(self) -> str:
        return "Read"


class _FindTypes(beam.DoFn):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def process(self, file: tuple[int, str]) -> Iterator[list[int]]:
        found = [ColumnType.UNKNOWN] * len(self._names)
        for batch in read_cells(file[1], self._names):
            for place, column in enumerate(batch.columns):
                if found[place] is not ColumnType.TEXT:  # which nothing changes any more
                    found[place] = max(found[place], infer_type(column))
        yield [int(kind) for kind in found]


class _HighestTypes(beam.CombineFn):
    def __init__(self, columns: int) -> None:
        self._columns = columns

    def create_accumulator(self) -> list[int]:
        return [0] * self._columns

    def add_input(self, found: list[int], types: list[int]) -> list[int]:
        return [max(pair) for pair in zip(found, types, strict=True)]

    def merge_accumulators(self, accumulators: Any) -> list[int]:
        merged = self.create_accumulator()
        for found in accumulators:
            merged = self.add_input(merged, found)
        return merged

    def extract_output(self, found: list[int]) -> list[int]:
        return found


class _ReadCsv(beam.DoFn):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def process(self, file: tuple[int, str], types: list[int]) -> Iterator[Any]:
        number, path = file
        row = 0
        for batch in read_cells(path, self._names):
            columns = [
                to_lists(column, ColumnType(kind))
                for column, kind in zip(batch.columns, types, strict=True)
            ]
            yield (number, row), pa.RecordBatch.from_arrays(columns, list(self._names))
            row += batch.num_rows


class _ReadParquet(beam.DoFn):
    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def process(self, file: tuple[int, str]) -> Iterator[Any]:
        number, path = file
        row = 0
        for batch in read_lists(path, self._schema):
            yield (number, row), batch
            row += batch.num_rows


class _Encode(beam.DoFn):
    """A batch to a list of serialized tf.Examples, its place kept."""

    def __init__(self) -> None:
        self._encoder: Any = None

    def setup(self) -> None:
        # Columns are flat lists: the encoder needs no schema.
        self._encoder = ExampleEncoder(schema_pb2.Schema().SerializeToString())

    def process(self, placed: tuple[Any, pa.RecordBatch]) -> Iterator[Any]:
        place, batch = placed
        yield place, self._encoder.encode(batch)


def _splits(
    inputs: Any, outputs: Any, names: Sequence[str]
) -> list[tuple[str, list[str], HashSplits | None]]:
    """Pattern of each input split, the output splits made of it, and how it is divided."""
    wanted = outputs.split_config
    if not wanted.splits:
        return [
            (split.pattern, [name], None) for split, name in zip(inputs.splits, names, strict=True)
        ]
    feature = wanted.partition_feature_name if wanted.HasField("partition_feature_name") else None
    buckets = [split.hash_buckets for split in wanted.splits]
    return [(inputs.splits[0].pattern, list(names), HashSplits(buckets, feature))]


def _check_format(properties: dict[str, Any]) -> None:
    example = example_gen_pb2.FORMAT_TF_EXAMPLE
    asked = properties.get(keys.OUTPUT_DATA_FORMAT_KEY) or example
    if asked != example:
        raise UnsupportedOptionError(
            f"output_data_format={example_gen_pb2.PayloadFormat.Name(asked)}",
            expected="FORMAT_TF_EXAMPLE",
            fix="leave output_data_format out, or take TFX's own ExampleGen",
        )


def _find(base: str, pattern: str) -> list[str]:
    # Only the pattern is one: a folder may have a bracket in its name.
    paths = sorted(fileio.glob(f"{glob.escape(base.rstrip('/'))}/{pattern}"))
    if not paths:
        raise EmptySplitError(
            f"no file matches {pattern!r} in {base}",
            expected="at least one file",
            fix="check input_base and the patterns of the input config",
        )
    return [str(path) for path in paths]


def _size(path: str) -> int:
    return int(tf.io.gfile.stat(path).length)
