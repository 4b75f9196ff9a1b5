"""How long it takes until something happens.

    python benchmarks/startup.py [--rounds 5] [--data FOLDER]

Each figure is the time of a whole process: the command line's help, `from tfx import v1`, the
definition of the taxi pipeline, a run of it in which every step is cached, and a Kubeflow
step up to the first line of its executor, by our entrypoint and by TFX's. The processes run
in turn, once before anything is timed. Wall and processor time are given as median, lowest and
highest; the last line is one line of JSON, with the figures of the medians.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

from container_step import OUR_ENTRY, TFX_ENTRY, step_arguments
from tfx_estimators.json_text import dumps, finite

HERE = pathlib.Path(__file__).resolve().parent
COMMAND = ("-m", "tfx_estimators.cli")
DEFINE = """
import pathlib, sys
from tfx_estimators.pipelines import catalog

root, data = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) if sys.argv[2:] else None
catalog.build_pipeline(catalog.load_pipeline_module("taxi"), root, data)
"""
FIRST_LINE = re.compile(r"^first line at ([0-9.]+)$", re.MULTILINE)

Timed = tuple[float, float]
"""Seconds of wall and of processor time."""


def process(*arguments: str) -> tuple[Timed, str]:
    """The seconds that a Python process takes, and what it prints."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(HERE)])},
    )
    if answer.returncode:
        sys.exit(f"{arguments[:3]} failed:\n{answer.stderr[-3000:]}")
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    line = FIRST_LINE.search(answer.stdout)
    return (float(line[1]) - began if line else wall, used), answer.stdout


def kubeflow_step(entry: str, folder: pathlib.Path) -> Timed:
    """The seconds until the executor of a step begins; processor time is the whole step's."""
    invocation = {"inputs": {}, "outputs": {"outputFile": str(folder / "output.json")}}
    taken, said = process(*step_arguments(entry, "first_line.FirstLine", invocation, {}))
    assert FIRST_LINE.search(said), said
    return taken


def main() -> None:
    """Runs the processes in turn and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--data", type=pathlib.Path, help="folder of the trips as CSV (TFX 1.15 brings none)"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        ways = timed_ways(folder, arguments.data)
        taken: dict[str, list[Timed]] = {way: [] for way in ways}
        for number in range(arguments.rounds + 1):
            for way, run in ways.items():
                wall_and_processor = run()
                if number:
                    taken[way].append(wall_and_processor)
    print(f"{'':16}{'wall, s':>22}{'processor, s':>24}")
    for way, times in taken.items():
        print(f"{way:16}" + "".join(spread([time[kind] for time in times]) for kind in (0, 1)))
    print(dumps(finite(figures(taken))))


def timed_ways(folder: pathlib.Path, data: pathlib.Path | None) -> dict[str, Callable[[], Timed]]:
    """What is timed, by its name in the table."""
    rows = [str(data)] if data else []
    run = [
        *COMMAND, "run", "taxi", "--root", str(folder / "taxi"),
        *(["--data", *rows] if rows else []),
    ]  # fmt: skip

    def cached() -> Timed:
        return process(*run)[0]

    return {
        "help": lambda: process(*COMMAND, "--help")[0],
        "import tfx": lambda: process("-c", "from tfx import v1")[0],
        "define": lambda: process("-c", DEFINE, str(folder / "defined"), *rows)[0],
        "cached run": cached,
        "our entrypoint": lambda: kubeflow_step(OUR_ENTRY, folder),
        "TFX's entrypoint": lambda: kubeflow_step(TFX_ENTRY, folder),
    }


def spread(values: Sequence[float]) -> str:
    """Median, lowest and highest."""
    median = f"{statistics.median(values):.2f}"
    return f"{median:>8} ({min(values):.2f} to {max(values):.2f})"


def figures(taken: dict[str, list[Timed]]) -> dict[str, Any]:
    """The last line."""

    def median(way: str, kind: int = 0) -> float:
        return statistics.median(times[kind] for times in taken[way])

    def ratio(theirs: str, ours: str, kind: int = 0) -> float:
        return round(median(theirs, kind) / median(ours, kind), 2)

    return {
        "help_seconds": round(median("help"), 2),
        "define_speedup_vs_import_tfx": ratio("import tfx", "define"),
        "cached_run_seconds_over_define": round(median("cached run") - median("define"), 2),
        "kubeflow_entry_speedup_vs_tfx": ratio("TFX's entrypoint", "our entrypoint"),
        "define_processor_speedup_vs_import_tfx": ratio("import tfx", "define", 1),
        "cached_run_processor_seconds_over_define": round(
            median("cached run", 1) - median("define", 1), 2
        ),
        "kubeflow_entry_processor_speedup_vs_tfx": ratio("TFX's entrypoint", "our entrypoint", 1),
        "repetitions": len(taken["help"]),
    }


if __name__ == "__main__":
    main()
