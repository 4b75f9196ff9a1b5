"""The benchmark of faults, with one kill for each phase of a pipeline."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.faults

BENCHMARK = pathlib.Path(__file__).parents[2] / "benchmarks" / "faults.py"


@pytest.mark.slow
def test_a_pipeline_that_is_killed_in_every_phase_loses_nothing() -> None:
    command = [sys.executable, str(BENCHMARK), "--kills", "5", "--lanes", "1", "--kills-only"]
    killed: set[str] = set()
    # A phase may end before its turn to be killed comes: how quick the machine is changes.
    for seed in range(1, 4):
        done = subprocess.run(
            [*command, "--seed", str(seed)], capture_output=True, text=True, timeout=3000,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        found = json.loads(lines[-1])
        assert found == {"kills": 5, "lost": 0, "half_published": 0}, done.stdout
        killed |= {line.split()[3] for line in lines if " killed in " in line}
        if len(killed) >= 4:
            return
    raise AssertionError(f"killed in {killed} only")
