"""Our ExampleGens beside TFX's own, on taxi trips as CSV and as Parquet.

    python benchmarks/ingest.py [--rows 200000] [--rounds 1] [--largest 1000000]

The 10,000 trips inside the TFX wheel are repeated to the number of rows, in four files. Each
run is an executor in a process of its own, on Beam's direct runner, timed without imports;
memory is the process's peak. TFX's Parquet executor takes zeros for missing values, so its
examples are not compared; those of the CSV executors must be equal. The last line is one
line of JSON:

    speedup_vs_csv_example_gen  rows a second, ours over TFX's, median of the rounds
    speedup_vs_parquet          likewise
    peak_memory_1m_over_100k    our peak memory for CSV, --largest rows over a tenth of them
"""

from __future__ import annotations

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import IO, Any

from tfx_estimators.json_text import dumps, finite

FILES = 4
EXECUTORS = {
    ("csv", "ours"): "tfx_estimators.components.example_gen.executor.CsvExecutor",
    ("csv", "stock"): "tfx.components.example_gen.csv_example_gen.executor.Executor",
    ("parquet", "ours"): "tfx_estimators.components.example_gen.executor.ParquetExecutor",
    ("parquet", "stock"): "tfx.components.example_gen.custom_executors.parquet_executor.Executor",
}


def write_trips(folder: pathlib.Path, rows: int, kind: str) -> None:
    """Writes the trips, repeated, in four files."""
    from pyarrow import csv

    from tfx_estimators.pipelines.taxi.data import find_trips

    source, pattern = find_trips(None)
    trips = csv.read_csv(next(pathlib.Path(source).glob(pattern)))
    folder.mkdir(parents=True)
    for part in range(FILES):
        wanted = rows // FILES
        path = folder / f"trips-{part}.{kind}"
        with path.open("wb") as file, _writer(file, trips.schema, kind) as writer:
            for start in range(0, wanted, trips.num_rows):
                writer.write_table(trips.slice(0, min(trips.num_rows, wanted - start)))


def _writer(file: IO[bytes], schema: Any, kind: str) -> Any:
    from pyarrow import csv, parquet

    if kind == "parquet":
        return parquet.ParquetWriter(file, schema)
    # Without quotes, which stock CsvExampleGen takes for a part of the names.
    file.write(",".join(schema.names).encode() + b"\n")
    return csv.CSVWriter(file, schema, write_options=csv.WriteOptions(include_header=False))


def run_one(executor: str, data: pathlib.Path, folder: pathlib.Path) -> dict[str, float]:
    """Runs an executor in this process."""
    from tfx.proto import example_gen_pb2
    from tfx.types import standard_artifacts
    from tfx.utils import import_utils, proto_utils

    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    splits = [{"name": "train", "hash_buckets": 2}, {"name": "eval", "hash_buckets": 1}]
    properties = {
        "input_base": str(data),
        "input_config": proto_utils.proto_to_json(
            example_gen_pb2.Input(splits=[{"name": "all", "pattern": "*"}])
        ),
        "output_config": proto_utils.proto_to_json(
            example_gen_pb2.Output(split_config={"splits": splits})
        ),
    }
    kind = import_utils.import_class_by_path(executor)
    started = time.monotonic()
    kind(kind.Context(tmp_dir=str(folder / "tmp"), unique_id="1")).Do(
        {}, {"examples": [examples]}, properties
    )
    return {
        "seconds": time.monotonic() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measured(kind: str, whose: str, data: pathlib.Path, folder: pathlib.Path) -> dict[str, float]:
    """Seconds and peak memory of one run in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--only", EXECUTORS[kind, whose], str(data), str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def contents(folder: pathlib.Path) -> list[tuple[str, bytes]]:
    """The examples of every split, in an order that does not depend on who wrote them."""
    import tensorflow as tf

    return sorted(
        (
            path.parent.name,
            tf.train.Example.FromString(record).SerializeToString(deterministic=True),
        )
        for path in folder.glob("Split-*/*.gz")
        for record in tf.data.TFRecordDataset([str(path)], "GZIP").as_numpy_iterator()
    )


def main() -> None:
    """Runs the rounds, prints a row for each run, then the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--largest", type=int, default=1_000_000, help="rows; 0 to leave out")
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        executor, data, folder = options.only
        print(dumps(run_one(executor, pathlib.Path(data), pathlib.Path(folder))))
        return
    result: dict[str, Any] = {}
    print(f"{'':24}{'rows':>10}{'seconds':>10}{'rows/s':>10}{'peak MB':>10}")
    with tempfile.TemporaryDirectory() as scratch:
        work = pathlib.Path(scratch)

        def run(kind: str, whose: str, rows: int, name: str) -> dict[str, float]:
            data = work / f"{kind}-{rows}"
            if not data.exists():
                write_trips(data, rows, kind)
            found = measured(kind, whose, data, work / name)
            print(
                f"{kind + ' ' + whose:24}{rows:10}{found['seconds']:10.1f}"
                f"{rows / found['seconds']:10.0f}{found['peak_mb']:10.0f}",
                flush=True,
            )
            return found

        for kind, key in (("csv", "speedup_vs_csv_example_gen"), ("parquet", "speedup_vs_parquet")):
            ratios = []
            for number in range(options.rounds):
                stock = run(kind, "stock", options.rows, f"{kind}-stock-{number}")
                ours = run(kind, "ours", options.rows, f"{kind}-ours-{number}")
                ratios.append(stock["seconds"] / ours["seconds"])
            result[key] = statistics.median(ratios)
            result[f"{key}_spread"] = [min(ratios), max(ratios)]
        if contents(work / "csv-ours-0") != contents(work / "csv-stock-0"):
            sys.exit("the examples differ")
        if options.largest:
            few = run("csv", "ours", options.largest // 10, "few")
            many = run("csv", "ours", options.largest, "many")
            result["peak_memory_1m_over_100k"] = many["peak_mb"] / few["peak_mb"]
    print(dumps(finite(result)))


if __name__ == "__main__":
    main()
