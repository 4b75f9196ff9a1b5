"""How long the commands of docs/five-minutes.md take, one after the other in an empty folder.

    python benchmarks/five_minutes.py

The last line is JSON: the seconds of each command by its name, and of all together, on the clock
and of the processor. Only the processor's mean something while other programs run.
"""

from __future__ import annotations

import json
import pathlib
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time

from tfx_estimators.json_text import dumps

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "five-minutes.md"
COMMAND = [sys.executable, "-m", "tfx_estimators.cli"]


def output(folder: str, arguments: list[str]) -> str:
    """What a command prints on standard output."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def processor() -> float:
    """Seconds of all processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Types them."""
    text = PAGE.read_text(encoding="utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^tfx-estimators (.+)$", text, re.MULTILINE)
    clock: dict[str, float] = {}
    used: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
        for line in lines:
            arguments = shlex.split(line)
            if "RUN" in arguments:
                runs = json.loads(output(folder, ["runs", "--json"]))
                arguments[arguments.index("RUN")] = runs[-1]["name"]
            began, before = time.perf_counter(), processor()
            print(output(folder, arguments), flush=True)
            name = "run_again" if "--set" in arguments else arguments[0]
            clock[f"{name}_seconds"] = round(time.perf_counter() - began, 1)
            used[f"{name}_processor_seconds"] = round(processor() - before, 1)
    together = {
        "all_seconds": round(sum(clock.values()), 1),
        "all_processor_seconds": round(sum(used.values()), 1),
    }
    print(dumps({**clock, **used, **together}))


if __name__ == "__main__":
    main()
