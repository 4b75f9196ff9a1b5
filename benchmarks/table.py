"""Runs the benchmarks at sizes that take half an hour together, and writes their figures down.

    python benchmarks/table.py [--only startup metadata] [--page docs/performance.md]

Each benchmark is a process; its last line, one line of JSON, becomes a row of the table at the
end of the page, with the date and the machine. Rows of benchmarks that are not run stay as they
are. One that fails is named, the others are run all the same.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping

from tfx_estimators.json_text import dumps

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"
HEADING = "| command | figures | measured |\n|---|---|---|\n"

BENCHMARKS: Mapping[str, tuple[str, ...]] = {
    "startup": (),
    "training": (),
    "pipeline": (),
    "ingest": ("--largest", "0"),
    "transform": ("--rows", "10000", "100000"),
    "evaluation": (),
    "prediction": ("--rows", "30000"),
    "metadata": (),
    "growth": ("--parts", "checkpoints", "versions", "runs", "--tenths"),
}
"""The benchmarks, each with its arguments. Those at a million rows are run by hand."""


def command(name: str) -> str:
    """The benchmark's command line, for people."""
    return " ".join(("python", f"benchmarks/{name}.py", *BENCHMARKS[name]))


def measure(name: str) -> dict[str, object] | None:
    """The figures of a benchmark; None if it fails."""
    print(f"{command(name)} ...", flush=True)
    answer = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py"), *BENCHMARKS[name]],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(answer.stdout, flush=True)
    if answer.returncode:
        return None
    figures: dict[str, object] = json.loads(answer.stdout.splitlines()[-1])
    return figures


def row(name: str, figures: Mapping[str, object]) -> str:
    """A benchmark's line of the table."""
    shown = "; ".join(f"{figure} {dumps(value)}" for figure, value in figures.items())
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    return f"| `{command(name)}` | {shown} | {today}, {os.cpu_count()} cores |"


def with_rows(page: str, rows: Mapping[str, str]) -> str:
    """The page with these rows in its table, by benchmark, in the order of `BENCHMARKS`.

    Args:
        page: its last table is that of the figures.
        rows: replace or join those that are there.
    """
    before, heading, table = page.partition(HEADING)
    if not heading:
        raise SystemExit(f"the page has no table that begins with\n{HEADING}")
    known = {f"| `{command(name)}` |": name for name in BENCHMARKS}
    kept = {
        name: line
        for line in table.splitlines()
        for start, name in known.items()
        if line.startswith(start)
    }
    found = {**kept, **rows}
    return before + heading + "".join(f"{found[name]}\n" for name in BENCHMARKS if name in found)


def main() -> int:
    """Runs the benchmarks; returns 1 if one has failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    parser.add_argument("--page", type=pathlib.Path, default=PAGE)
    options = parser.parse_args()
    failed = []
    for name in options.only:
        figures = measure(name)
        if figures is None:
            failed.append(name)
            continue
        # At once: what is measured stays, whatever becomes of the next one.
        text = options.page.read_text(encoding="utf-8")
        options.page.write_text(with_rows(text, {name: row(name, figures)}), encoding="utf-8")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
