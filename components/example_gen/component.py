"""`CsvExampleGen` and `ParquetExampleGen`: files to an Examples artifact."""

from __future__ import annotations

from typing import Any

from tfx.components.example_gen.component import FileBasedExampleGen

from tfx_estimators.components.example_gen.files_driver import FilesDriver
from tfx_estimators.components.executor_specs import LazyBeamExecutorSpec

__all__ = ["CsvExampleGen", "ParquetExampleGen"]

_EXECUTORS = "tfx_estimators.components.example_gen.executor"


class _ColumnarExampleGen(FileBasedExampleGen):
    """The arguments of both; TFX's base class has more, which their executors do not take."""

    DRIVER_CLASS = FilesDriver

    def __init__(
        self,
        input_base: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        range_config: Any = None,
    ) -> None:
        super().__init__(
            input_base=input_base,
            input_config=input_config,
            output_config=output_config,
            range_config=range_config,
        )


class CsvExampleGen(_ColumnarExampleGen):
    """Stands where TFX's `CsvExampleGen` stands, and writes the same examples.

    Types, missing values, splits, spans and versions are those of TFX's own component.
    Different are: the order of the examples, which is random as TFX's but always the
    same; a header with quotes or a byte order mark, which is read as CSV; and a damaged
    file, which is refused with its name and line.

    Args:
        input_base: folder of the CSV files. Each begins with a header line.
        input_config: an `example_gen_pb2.Input`; by default all files are one split.
        output_config: an `example_gen_pb2.Output`; by default "train" and "eval", 2 to 1.
        range_config: a `range_config_pb2.RangeConfig`: which spans to read.
    """

    EXECUTOR_SPEC = LazyBeamExecutorSpec(f"{_EXECUTORS}.CsvExecutor")


class ParquetExampleGen(_ColumnarExampleGen):
    """Stands where TFX's `FileBasedExampleGen` with its Parquet executor stands.

    Integers become int64 values, floating-point numbers float values, text and bytes
    bytes values, booleans 0 and 1, and lists of them lists. A null becomes a feature
    without values. TFX's executor also takes 0, 0.0 and "" for missing; here they stay
    what they are, so that an example that has one may belong to another split.

    Args:
        input_base: folder of the Parquet files.
        input_config: an `example_gen_pb2.Input`; by default all files are one split.
        output_config: an `example_gen_pb2.Output`; by default "train" and "eval", 2 to 1.
        range_config: a `range_config_pb2.RangeConfig`: which spans to read.
    """

    EXECUTOR_SPEC = LazyBeamExecutorSpec(f"{_EXECUTORS}.ParquetExecutor")
