"""`FeatureColumnTransform` beside stock TFX Transform on the same taxi trips.

    python benchmarks/transform.py [--rows 10000 100000 1000000] [--repetitions 5]

The 10,000 trips inside the TFX wheel are repeated to each number of rows and written as
ExampleGen writes them: gzipped TFRecords, two thirds "train", one third "eval", one file
a split. Then each of these runs in a process of its own, on Beam's direct runner:

    ours            FeatureColumnTransform over the columns of the taxi pipeline
    stock           Transform over the equal `preprocessing_fn` in stock_taxi.py, as it is
    stock no stats  the same with disable_statistics=True, up to 100,000 rows

A run's time is that of its executor, without imports; memory is the process's peak;
output is the transformed examples' size on disk. Over the smallest number of rows, ours and
stock run several times by turns, and the median counts. The second table says what the parts
of a pass cost alone: where the limit lies. The last line is one line of JSON:

    speedup_vs_stock_transform  rows a second, ours over stock, largest number of rows
    small_speedup_vs_stock      the same, smallest number of rows, median over median
    small_speedup_spread        the smallest and the largest of each turn's ratio
    peak_memory_1m_over_100k    our peak memory, largest over second largest number
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import itertools
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from tfx_estimators.json_text import dumps, finite

HERE = pathlib.Path(__file__).resolve().parent
ROWS = (10_000, 100_000, 1_000_000)
# Statistics are most of stock's work; without them its largest run shows nothing new.
MOST_ROWS_WITHOUT_STATISTICS = 100_000
MODULE = "tfx_estimators.pipelines.taxi.model"
# The parts are measured over so many batches of so many rows.
BATCH, BATCHES = 8192, 12
TFRECORD_FRAME = 16


def read_trips() -> tuple[list[dict[str, str]], dict[str, type]]:
    """The trips in the TFX wheel and their columns' types, inferred as ExampleGen does."""
    from tfx_estimators.pipelines.taxi.data import find_trips

    folder, pattern = find_trips(None)
    with next(pathlib.Path(folder).glob(pattern)).open(newline="") as file:
        trips = list(csv.DictReader(file))
    return trips, {key: _kind([trip[key] for trip in trips]) for key in trips[0]}


def _kind(values: list[str]) -> type:
    for kind in (int, float):
        try:
            for value in filter(None, values):
                kind(value)
        except ValueError:
            continue
        return kind
    return str


def write_examples(folder: pathlib.Path, rows: int) -> None:
    """Writes the two splits and the schema."""
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    trips, kinds = read_trips()
    records = [_example(trip, kinds) for trip in trips]
    writers = []
    for split in ("train", "eval"):
        path = folder / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
        path.parent.mkdir(parents=True)
        writers.append(tf.io.TFRecordWriter(str(path), "GZIP"))
    for number in range(rows):
        writers[number % 3 == 2].write(records[number % len(records)])
    for writer in writers:
        writer.close()
    types = {int: schema_pb2.INT, float: schema_pb2.FLOAT, str: schema_pb2.BYTES}
    features = [schema_pb2.Feature(name=key, type=types[kind]) for key, kind in kinds.items()]
    schema = folder / "schema" / "schema.pbtxt"
    schema.parent.mkdir()
    schema.write_text(text_format.MessageToString(schema_pb2.Schema(feature=features)))


def _example(trip: dict[str, str], kinds: dict[str, type]) -> bytes:
    import tensorflow as tf

    example = tf.train.Example()
    for key, text in trip.items():
        feature = example.features.feature[key]
        lists = {int: feature.int64_list, float: feature.float_list, str: feature.bytes_list}
        if text:
            value = text.encode() if kinds[key] is str else kinds[key](text)
            lists[kinds[key]].value.append(value)
    return bytes(example.SerializeToString())


def run_transform(which: str, data: pathlib.Path, root: pathlib.Path) -> dict[str, Any]:
    """Runs one of the transforms in this process and measures it."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import artifact_utils, standard_artifacts

    from tfx_estimators.components.artifacts import FeatureColumns

    def artifact(kind: Any, uri: pathlib.Path) -> list[Any]:
        made = kind()
        made.uri = str(uri)
        return [made]

    examples = artifact(standard_artifacts.Examples, data / "examples")
    examples[0].split_names = artifact_utils.encode_split_names(["train", "eval"])
    inputs = {"examples": examples, "schema": artifact(standard_artifacts.Schema, data / "schema")}
    transformed = root / "transformed"
    outputs = {
        "transform_graph": artifact(standard_artifacts.TransformGraph, root / "graph"),
        "transformed_examples": artifact(standard_artifacts.Examples, transformed),
    }
    executor: BaseBeamExecutor
    properties: dict[str, Any]
    if which == "ours":
        from tfx_estimators.components.transform.executor import Executor

        outputs["feature_columns"] = artifact(FeatureColumns, root / "columns")
        properties = {
            "module_path": MODULE,
            "module_digest": "",
            "label_key": "big_tipper",
            "custom_config": "{}",
            "analyze_splits": dumps(["train"]),
        }
        executor = Executor()
    else:
        from tfx.components.transform.executor import Executor as StockExecutor

        properties = {
            "module_file": str(HERE / "stock_taxi.py"),
            "disable_statistics": which != "stock",
        }
        executor = StockExecutor()
    started = time.monotonic()
    executor.Do(inputs, outputs, properties)
    seconds = time.monotonic() - started
    return {
        "seconds": seconds,
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "output_bytes": sum(f.stat().st_size for f in transformed.rglob("*") if f.is_file()),
    }


def measure_parts(data: pathlib.Path, root: pathlib.Path) -> dict[str, float]:
    """Rows a second of the parts of a pass, each alone and over the same rows.

    Args:
        data: what `write_examples` wrote.
        root: what a run of ours over it left.
    """
    import gzip

    import tensorflow as tf
    import tensorflow_transform as tft

    from tfx_estimators.components.examples import read_batches
    from tfx_estimators.components.record_sink import RecordSink
    from tfx_estimators.components.transform.reading import ReadExamples
    from tfx_estimators.components.transform.writing import EncodeExamples

    (file,) = (data / "examples" / "Split-eval").iterdir()
    output = tft.TFTransformOutput(str(root / "graph"))
    spec = output.raw_feature_spec()
    records = list(itertools.islice(read_batches([str(file)], BATCH), BATCHES))
    rows = sum(map(len, records))
    parsed = [tf.io.parse_example(batch, spec) for batch in records]
    layer = output.transform_features_layer()
    layer(parsed[0])
    schema = output.transformed_metadata.schema
    made = next((root / "transformed" / "Split-eval").iterdir())
    reader, encoder = ReadExamples(schema, exact=False), EncodeExamples(schema)
    reader.setup()
    encoder.setup()
    batches = list(itertools.islice(reader.process(str(made)), BATCHES))
    encoded = [records for batch in batches for records in encoder.process(batch)]

    def decompress() -> None:
        with gzip.open(file) as opened:
            opened.read(sum(len(record) + TFRECORD_FRAME for batch in records for record in batch))

    def write() -> None:
        sink = RecordSink(str(root / "written"))
        handle = sink.open(str(root / "written"))
        for batch in encoded:
            sink.write_record(handle, batch)
        sink.close(handle)

    parts: dict[str, Callable[[], Any]] = {
        "decompress": decompress,
        "read records": lambda: list(
            itertools.islice(read_batches([str(file)], BATCH), len(records))
        ),
        "parse": lambda: [tf.io.parse_example(batch, spec) for batch in records],
        "transform": lambda: [layer(batch) for batch in parsed],
        "encode": lambda: [list(encoder.process(batch)) for batch in batches],
        "compress and write": write,
    }
    return {name: rows / _seconds(part) for name, part in parts.items()}


def _seconds(part: Callable[[], Any]) -> float:
    started = time.process_time()
    part()
    return time.process_time() - started


def alone(arguments: list[str]) -> Any:
    """What this script prints as JSON when it runs with the arguments."""
    answer = subprocess.run(
        [sys.executable, __file__, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if answer.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{answer.stderr[-3000:]}")
    return json.loads(answer.stdout.splitlines()[-1])


def repeat(data: pathlib.Path, folder: str, repetitions: int) -> list[dict[str, float]]:
    """Seconds of ours and stock over the same rows, by turns."""
    turns = []
    for turn in range(repetitions):
        seconds = {}
        for which in ("ours", "stock"):
            root = f"{folder}/{which}_{turn}"
            made = alone(["--only", which, "--data", str(data), "--root", root])
            seconds[which] = made["seconds"]
        turns.append(seconds)
        print(
            f"{'':9} turn {turn + 1}: ours {seconds['ours']:.1f} s, stock {seconds['stock']:.1f} s"
        )
    return turns


def competitors(rows: int) -> Iterator[str]:
    """The runs over so many rows."""
    yield "ours"
    yield "stock"
    if rows <= MOST_ROWS_WITHOUT_STATISTICS:
        yield "stock no stats"


@dataclasses.dataclass
class Comparison:
    """What was measured.

    Attributes:
        runs: by competitor and number of rows.
        turns: see `repeat`, over the smallest number of rows.
        parts: rows a second of the parts of a pass, over the largest number.
    """

    runs: dict[tuple[str, int], dict[str, Any]] = dataclasses.field(default_factory=dict)
    turns: list[dict[str, float]] = dataclasses.field(default_factory=list)
    parts: dict[str, float] = dataclasses.field(default_factory=dict)

    def small_speedup(self) -> dict[str, Any]:
        """The figures of the smallest number of rows."""
        ratios = [turn["stock"] / turn["ours"] for turn in self.turns]
        ours, stock = (
            statistics.median(turn[which] for turn in self.turns) for which in ("ours", "stock")
        )
        return {
            "small_speedup_vs_stock": round(stock / ours, 3),
            "small_speedup_spread": [round(min(ratios), 3), round(max(ratios), 3)],
        }


def compare(rows: list[int], repetitions: int) -> Comparison:
    """Runs everything and prints the first table."""
    found = Comparison()
    print(f"{'rows':>9} {'':16}{'rows/s':>10}{'peak MB':>9}{'output MB':>11}{'ours':>8}")
    for number in rows:
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder, "data")
            alone(["--only", "data", "--data", str(data), "--rows", str(number)])
            for which in competitors(number):
                root = pathlib.Path(folder, which.replace(" ", "_"))
                made = alone(["--only", which, "--data", str(data), "--root", str(root)])
                found.runs[which, number] = made
                made["speed"] = number / made["seconds"]
                ratio = found.runs["ours", number]["speed"] / made["speed"]
                print(
                    f"{number:9,} {which:16}{made['speed']:10,.0f}"
                    f"{made['peak_memory'] / 1e6:9,.0f}{made['output_bytes'] / 1e6:11,.2f}"
                    f"{ratio:7.2f}x",
                    flush=True,
                )
            if number == rows[0]:
                found.turns = repeat(data, folder, repetitions)
            found.parts = alone(
                ["--only", "parts", "--data", str(data), "--root", f"{folder}/ours"]
            )
    return found


def main() -> None:
    """Compares, then measures the parts, then prints the line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", type=int, nargs="+", default=list(ROWS), help="numbers of rows, ascending"
    )
    parser.add_argument(
        "--repetitions", type=int, default=5, help="turns over the smallest number of rows"
    )
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only == "data":
        write_examples(arguments.data, arguments.rows[0])
        print("{}")
        return
    if arguments.only == "parts":
        print(dumps(finite(measure_parts(arguments.data, arguments.root))))
        return
    if arguments.only:
        print(dumps(finite(run_transform(arguments.only, arguments.data, arguments.root))))
        return
    rows = sorted(arguments.rows)
    found = compare(rows, arguments.repetitions)
    parts = found.parts
    print(f"\n{'a part alone':20}{'rows/s of CPU':>14}")
    for name, speed in parts.items():
        print(f"{name:20}{speed:14,.0f}")
    read = 1 / parts["read records"] + 1 / parts["parse"]
    rest = sum(1 / parts[name] for name in ("transform", "encode", "compress and write"))
    print(f"{'all that follows':20}{1 / rest:14,.0f}  (in Beam's thread)")
    print(f"{'read and parse':20}{1 / read:14,.0f}  (in TensorFlow's threads, for every pass)")
    most = found.runs["ours", rows[-1]]
    fewer = found.runs["ours", rows[-2] if len(rows) > 1 else rows[-1]]
    speedup = most["speed"] / found.runs["stock", rows[-1]]["speed"]
    figures = {
        "speedup_vs_stock_transform": round(speedup, 3),
        "rows": rows[-1],
        **found.small_speedup(),
        "peak_memory_1m_over_100k": round(most["peak_memory"] / fewer["peak_memory"], 3),
    }
    print(dumps(finite(figures)))


if __name__ == "__main__":
    main()
