"""Faults caused, and what they cost: kills at random moments over a whole pipeline.

    python benchmarks/faults.py [--kills 200] [--seed 1] [--lanes 2] [--parallel 1] [--kills-only]

A pipeline (transform, training with a checkpoint every ten steps, export, evaluation, push)
is run by TFX's own LocalDagRunner in a process of its own, which gets SIGKILL at a random
moment of the phase whose turn it is; then it is run again, until every phase has had its
share and the pipeline ends. Before that come a torn checkpoint, two runs at once and a full
disk. After every fault the pipeline's folder is compared with what was there before:

*   lost: an artifact, an execution, a checkpoint or a pushed version that was finished and
    is gone or has changed; or an end that differs from an uninterrupted run's (transformed
    rows, every weight, metrics, predictions of what was pushed);
*   half-published: an artifact that is LIVE in ML Metadata, a checkpoint with a record, or
    a version that readers can see, any of them incomplete. Versions are also looked at
    all the while, as a model server does.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import tempfile
import threading
import time
import warnings
from typing import Any

from tfx_estimators.json_text import dumps, finite

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Weights are compared bit by bit; several threads may round the last one now so, now so.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
warnings.filterwarnings("ignore")

from faulty_pipeline import PRELOADED, write_data  # noqa: E402
from faulty_world import PATIENCE, PHASES, STEPS, End, Stuck, Tally, World, file_kinds  # noqa: E402

MOST_KILLS_A_PHASE = 10  # In the life of one pipeline.
DEATHS = 10  # Of processes that nobody killed.


@dataclasses.dataclass
class Faults:
    """All that is caused, one pipeline after another in each lane."""

    folder: pathlib.Path
    context: Any
    wanted: int
    tally: Tally = dataclasses.field(default_factory=Tally)
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    names: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    parallel: int = 1
    killed: int = 0
    kills_a_phase: int = MOST_KILLS_A_PHASE

    def world(self, name: str, **changes: Any) -> World:
        """A new pipeline."""
        root = self.folder / name
        root.mkdir(parents=True)
        return World(
            name, root, self.folder / "data", self.context, self.tally, self.names,
            **{"parallel": self.parallel, **changes},
        )  # fmt: skip

    def uninterrupted(self, **changes: Any) -> tuple[World, End]:
        """A run to compare with; the first one is timed, phase by phase."""
        world = self.world(f"uninterrupted-{len(list(self.folder.glob('unin*')))}", **changes)
        attempt, began = world.begin(), {}
        while attempt.process.is_alive():
            phase = attempt.phase()
            now = time.monotonic()
            began.setdefault(phase, now)
            time.sleep(0.02)
        if attempt.end() != 0 or not world.versions.exists():
            raise Stuck(attempt.said()[-3000:])
        starts = [began[phase] for phase in PHASES] + [time.monotonic()]
        if not self.seconds:
            self.seconds = {p: starts[i + 1] - starts[i] for i, p in enumerate(PHASES)}
            for path in (world.root / "artifacts").glob("*/*/*"):
                self.names["/".join(path.parts[-3:-1])] = file_kinds(path)
        world.judge("uninterrupted")
        if (steps := world.steps()) != list(range(1, STEPS + 1)):
            raise Stuck(f"an uninterrupted training noted the steps {steps}")
        return world, End.of(world)

    def lane(self, number: int, seed: int, end: End) -> None:
        """Pipelines that are killed, until there were enough kills."""
        lives = 0
        while self.killed < self.wanted:
            lives += 1
            world = self.world(f"lane-{number}-{lives}")
            self.life(world, random.Random(f"{seed} {number} {lives}"))
            world.check_end("all", end)
            self._count_twice(world, "train")
            shutil.rmtree(world.root)

    def life(self, world: World, chance: random.Random) -> None:
        """One pipeline: killed several times in each phase, then run to its end."""
        for phase in PHASES:
            for _ in range(self.kills_a_phase):
                if self.killed >= self.wanted or not self.kill_once(world, phase, chance):
                    break
        self._run_to_end(world, "all")
        world.judge("all")

    def kill_once(self, world: World, phase: str, chance: random.Random) -> bool:
        """Kills a process in a phase; False if the phase has already ended."""
        attempt = world.begin()
        deadline = time.monotonic() + PATIENCE
        wait: float | None = None
        # Most of a training's time is not spent in its steps: half of the kills are.
        step = chance.randrange(1, STEPS) if chance.random() < 0.5 else None
        while attempt.process.is_alive() and (wait is None or time.monotonic() < wait):
            world.look_at_versions(phase)
            if wait is None and attempt.phase() == phase and not attempt.done(phase):
                wait = time.monotonic() + chance.uniform(0, 1) * self.seconds[phase]
                if phase == "train" and step is not None:
                    wait = deadline
            if phase == "train" and step is not None and attempt.step() >= step:
                break
            if time.monotonic() > deadline:
                attempt.kill()
                raise Stuck(f"{phase} was not reached\n{attempt.said()[-3000:]}")
            if wait in (None, deadline) and attempt.done(phase):
                # An earlier attempt had ended it: go on in the next phase.
                wait, phase = None, self._after(phase)
            time.sleep(0.01)
        if not attempt.process.is_alive():
            code = attempt.end()
            if code > 0:
                raise Stuck(attempt.said()[-3000:])
            if code < 0:
                self._died(world, phase, code)
            return code < 0
        hit = attempt.phase() or phase
        attempt.kill()
        with self.tally.lock:
            self.tally.kills[hit] += 1
            self.killed += 1
            print(f"{self.killed:4} killed in {hit:9} ({world.name})", flush=True)
        world.judge(hit)
        return not attempt.done(phase)

    def _run_to_end(self, world: World, row: str) -> None:
        while (code := world.run(row)) != 0:
            if code > 0 or self.tally.died > DEATHS:
                raise Stuck(_last_words(world))
            self._died(world, row, code)

    def _died(self, world: World, row: str, code: int) -> None:
        """A process that crashed: no fault of the pipeline's, and no excuse for it either."""
        with self.tally.lock:
            self.tally.died += 1
        print(f"     died of {signal.Signals(-code).name} by itself ({world.name})", flush=True)
        if self.tally.died > DEATHS:
            raise Stuck(_last_words(world))
        world.judge(row)

    def _after(self, phase: str) -> str:
        phases = list(PHASES)
        return phases[min(phases.index(phase) + 1, len(phases) - 1)]

    def torn_checkpoint(self, end: End) -> None:
        """The newest checkpoint's data ends in the middle."""
        world = self.world("torn")
        attempt = world.begin()
        while len(list(world.store.glob("*/checkpoint-*.record.json"))) < 3:
            time.sleep(0.01)
        attempt.kill()
        newest = max(
            world.store.glob("*/*.index"), key=lambda path: int(path.stem.rpartition("-")[2])
        )
        data = newest.with_suffix(".data-00000-of-00001")
        data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
        self._finish(world, "torn checkpoint", end)

    def full_disk(self) -> None:
        """No file may become as large as a checkpoint."""
        units = (500, 500)
        whole, end = self.uninterrupted(hidden_units=units)
        size = max(p.stat().st_size for p in whole.store.rglob("*.data-*"))
        world = self.world("full", hidden_units=units)
        if world.run("full disk", file_limit=size - 1000) == 0:
            raise Stuck("a full disk was not noticed")
        log = max((world.root / "attempts").glob("*.log"))
        if "no room to write a checkpoint" not in log.read_text(errors="replace"):
            raise Stuck(_last_words(world))
        world.judge("full disk")
        self._finish(world, "full disk", end)

    def two_at_once(self, end: End) -> None:
        """Two runs of one pipeline: one checkpoint store, one folder of versions."""
        row = "two at once"
        world = self.world("two")
        attempt = world.begin()
        while attempt.phase() != "train" and attempt.process.is_alive():
            time.sleep(0.01)
        attempt.kill()  # Else both would transform, and train on what they made themselves.
        world.judge(row)
        attempts = [world.begin(), world.begin()]
        while any(attempt.process.is_alive() for attempt in attempts):
            world.look_at_versions(row)
            time.sleep(0.02)
        for attempt in attempts:
            if attempt.end() != 0:
                raise Stuck(attempt.said()[-3000:])
        world.judge(row)
        # Each may export, and no two exports are equal in bytes: one or two are pushed.
        came = End.of(world)
        world.check_end(row, dataclasses.replace(end, pushed=came.pushed))
        self._count_twice(world, row)

    def _finish(self, world: World, row: str, end: End) -> None:
        self._run_to_end(world, row)
        # What was torn on purpose is not lost by the pipeline.
        world.judge(row)
        world.check_end(row, end)
        self._count_twice(world, row)

    def _count_twice(self, world: World, row: str) -> None:
        with self.tally.lock:
            self.tally.twice[row] += len(world.steps()) - len(set(world.steps()))


def _last_words(world: World) -> str:
    newest = max((world.root / "attempts").glob("*.log"))
    return newest.read_text(errors="replace")[-3000:]


def main() -> None:
    """Causes the faults and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=2, help="pipelines at a time")
    parser.add_argument(
        "--kills-only",
        action="store_true",
        help="no torn checkpoint, no two runs at once, no full disk",
    )
    parser.add_argument(
        "--parallel", type=int, default=1, help="steps at a time, each in a process of its own"
    )
    options = parser.parse_args()
    print(f"seed {options.seed}")
    began = time.monotonic()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, "faulty_pipeline"])
    with tempfile.TemporaryDirectory() as folder:
        # What is killed leaves files of Beam's and TensorFlow's: they go with the rest.
        os.environ["TMPDIR"] = f"{folder}/tmp"
        pathlib.Path(folder, "tmp").mkdir()
        faults = Faults(pathlib.Path(folder), context, options.kills, parallel=options.parallel)
        # A short run has its share of every phase, too.
        share = options.kills // (len(PHASES) * options.lanes)
        faults.kills_a_phase = min(MOST_KILLS_A_PHASE, max(1, share))
        write_data(pathlib.Path(folder) / "data")
        _, end = faults.uninterrupted()
        times = ", ".join(f"{phase} {s:.1f} s" for phase, s in faults.seconds.items())
        print(f"uninterrupted: {times}", flush=True)
        others = {
            "torn checkpoint": lambda: faults.torn_checkpoint(end),
            "two at once": lambda: faults.two_at_once(end),
            "full disk": faults.full_disk,
        }
        if options.kills_only:
            others = {}
        for name, cause in others.items():
            cause()
            print(f"{time.monotonic() - began:4.0f} s: {name}", flush=True)
        problems: list[BaseException] = []

        def lane(number: int) -> None:
            try:
                faults.lane(number, options.seed, end)
            except BaseException as error:
                problems.append(error)
                faults.wanted = 0

        lanes = [threading.Thread(target=lane, args=(n,)) for n in range(options.lanes)]
        for one in lanes:
            one.start()
        for one in lanes:
            one.join()
        if problems:
            raise problems[0]
    _print(faults.tally, list(others), time.monotonic() - began)


def _print(tally: Tally, others: list[str], seconds: float) -> None:
    print(f"\n{'fault':28}{'caused':>8}{'lost':>6}{'half-published':>16}{'steps twice':>13}")
    for row in [*PHASES, "all", *others]:
        caused = tally.kills[row] if row in PHASES else 1
        title = f"kill in {row}" if row in PHASES else row
        if row == "all":
            title, caused = "pipelines run to their end", 0
        lost = sum(at == row for at, _ in tally.lost)
        half = sum(at == row for at, _ in tally.half)
        twice = tally.twice[row] if row not in PHASES or row == "train" else ""
        print(f"{title:28}{caused or '':>8}{lost:>6}{half:>16}{twice:>13}")
    print(f"{tally.died} processes died by themselves; {seconds:.0f} s in all")
    kills = sum(tally.kills.values())
    answer = {"kills": kills, "lost": len(tally.lost), "half_published": len(tally.half)}
    print(dumps(finite(answer)))


if __name__ == "__main__":
    main()
