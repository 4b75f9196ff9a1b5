"""The pipeline that `faults.py` kills: its processes, its folder, and what it came to."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import signal
import threading
import time
from typing import Any

from faulty_pipeline import Job, read_examples, run_job
from tfx_estimators.components.model_digest import hash_model, model_digest
from tfx_estimators.components.pusher.manifest import read_manifest
from tfx_estimators.lineage.digests import checkpoint_digest
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, value_of
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import CheckpointRecord
from tfx_estimators.lineage.store import open_store

STEPS = 60
PATIENCE = 600.0  # Seconds until a process counts as stuck.
PHASES = {
    "transform": "FeatureColumnTransform",
    "train": "EstimatorTrainer",
    "export": "EstimatorTrainer",
    "evaluate": "EstimatorEvaluator",
    "push": "EstimatorPusher",
}


class Stuck(Exception):
    """A pipeline that neither ends nor goes on, or fails where it should not."""


@dataclasses.dataclass
class Tally:
    """What has happened so far, over all pipelines."""

    kills: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    lost: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    half: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    twice: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    died: int = 0  # Processes that a signal ended which was not sent here.
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)


class Attempt:
    """One process that runs the pipeline."""

    def __init__(self, context: Any, job: Job) -> None:
        self.job = job
        pathlib.Path(job.log).touch()
        self.process = context.Process(target=run_job, args=(job,))
        self.process.start()

    def said(self) -> str:
        """What it has said."""
        return pathlib.Path(self.job.log).read_text(errors="replace")

    def noted(self) -> list[str]:
        """What its training has noted."""
        notes = pathlib.Path(self.job.notes)
        return notes.read_text().splitlines() if notes.exists() else []

    def step(self) -> int:
        """The step that it has trained last; 0 before."""
        steps = [int(line.split()[1]) for line in self.noted() if line.startswith("step ")]
        return max(steps, default=0)

    def phase(self) -> str:
        """What it does: the last step that was announced."""
        announced = re.findall(r"^\[\d+/\d+\] (\w+)(:?)", self.said(), re.MULTILINE)
        if not announced or announced[-1][1]:
            return ""  # Between two steps.
        phase = next((p for p, node in PHASES.items() if node == announced[-1][0]), "")
        return "export" if phase == "train" and "export" in self.noted() else phase

    def done(self, phase: str) -> bool:
        """Whether it has ended a phase, now or in an earlier attempt."""
        return re.search(rf"\] {PHASES[phase]}: (done|cached)", self.said()) is not None or (
            phase == "train" and "export" in self.noted()
        )

    def kill(self) -> None:
        """SIGKILL, at once."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self) -> int:
        """Waits, and ends what the process may have left; its exit code."""
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            os.kill(self.process.pid, signal.SIGKILL)
            raise Stuck(f"no end after {PATIENCE:.0f} s\n{self.said()[-3000:]}")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return int(self.process.exitcode)


@dataclasses.dataclass
class World:
    """A pipeline's folder, and what has been seen in it."""

    name: str
    root: pathlib.Path
    data: pathlib.Path
    context: Any
    tally: Tally
    names: dict[str, set[str]]  # artifact's node and key -> names of its files, none missing
    hidden_units: tuple[int, ...] = (8,)
    parallel: int = 1
    attempts: int = 0
    seen: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def store(self) -> pathlib.Path:
        """The checkpoint store."""
        return self.root / "checkpoints"

    @property
    def versions(self) -> pathlib.Path:
        """The folder that is pushed to."""
        return self.root / "serving"

    def begin(self, file_limit: int | None = None) -> Attempt:
        """Starts it."""
        self.attempts += 1
        folder = self.root / "attempts"
        folder.mkdir(parents=True, exist_ok=True)
        job = Job(
            root=str(self.root),
            data=str(self.data),
            notes=str(folder / f"{self.attempts:03}.notes"),
            log=str(folder / f"{self.attempts:03}.log"),
            checkpoints=str(self.store),
            serving=str(self.versions),
            steps=STEPS,
            hidden_units=self.hidden_units,
            parallel=self.parallel,
            file_limit=file_limit,
        )
        return Attempt(self.context, job)

    def run(self, row: str, file_limit: int | None = None) -> int:
        """Runs it to its end, looking at the versions meanwhile."""
        attempt = self.begin(file_limit)
        while attempt.process.is_alive():
            self.look_at_versions(row)
            time.sleep(0.02)
        return attempt.end()

    def steps(self) -> list[int]:
        """Every step that was trained, as often as it was."""
        return [
            int(line.split()[1])
            for path in sorted((self.root / "attempts").glob("*.notes"))
            for line in path.read_text().splitlines()
            if line.startswith("step ")
        ]

    def look_at_versions(self, row: str) -> None:
        """Every version that is visible is whole."""
        if not self.versions.exists():
            return
        for folder in self.versions.iterdir():
            key = f"version {folder.name}"
            if folder.name.isdecimal() and key not in self.seen:
                manifest = read_manifest(str(folder))
                files = hash_model(str(folder))
                if manifest is None or dict(manifest.files) != files:
                    self._half(row, f"{key}: not what its manifest says")
                self.seen[key] = model_digest(files)

    def judge(self, row: str) -> None:
        """Compares the folder with what was there before."""
        self.look_at_versions(row)
        now = self._found(row)
        for thing, content in self.seen.items():
            if now.get(thing) != content:
                self._lost(row, f"{thing}: {'changed' if thing in now else 'gone'}")
        self.seen = now

    def _found(self, row: str) -> dict[str, str]:
        """Everything finished, with its content in one line."""
        found = {}
        if self.versions.exists():
            for folder in self.versions.iterdir():
                if folder.name.isdecimal():
                    found[f"version {folder.name}"] = model_digest(hash_model(str(folder)))
        if self.store.exists():
            for record in read_records(str(self.store)).values():
                if isinstance(record, CheckpointRecord) and record.kept:
                    content = checkpoint_digest(record.uri)
                    if content != record.digest:
                        self._half(row, f"checkpoint {record.uri}: not what its record says")
                    found[f"checkpoint {record.digest}"] = content
        if not (self.root / "metadata" / "metadata.sqlite").exists():
            return found
        # For writing: what a killed writer has begun is taken back by whoever opens it so.
        store = open_store(str(self.root), write=True)
        for execution in store.get_executions():
            if execution.last_known_state in (3, 5):  # COMPLETE, CACHED
                found[f"execution {execution.id}"] = str(execution.last_known_state)
        for artifact in store.get_artifacts():
            if artifact.state == 2 and artifact.type != CHECKPOINT_TYPE:  # LIVE
                key = f"artifact {artifact.id} {artifact.uri}"
                if key not in self.seen and (why := self._incomplete(artifact)):
                    self._half(row, f"{key}: {why}")
                found[key] = _digest(pathlib.Path(artifact.uri))
        return found

    def _incomplete(self, artifact: Any) -> str:
        """What an artifact that is LIVE lacks."""
        folder = pathlib.Path(artifact.uri)
        names = file_kinds(folder)
        if lacking := self.names.get("/".join(folder.parts[-3:-1]), set()) - names:
            return f"no {', '.join(sorted(lacking))}"
        try:
            if artifact.type == "Examples":
                read_examples(folder)
            for path in folder.rglob("*.json"):
                json.loads(path.read_text())
        except (OSError, EOFError, ValueError) as error:
            return str(error)
        digest = value_of(artifact, "model_digest")
        model = folder / "Format-Serving" if artifact.type == "Model" else folder
        if digest is not None and model_digest(hash_model(str(model))) != digest:
            return "not what its digest says"
        return ""

    def _lost(self, row: str, what: str) -> None:
        print(f"LOST ({self.name}, {row}): {what}", flush=True)
        self.tally.lost.append((row, what))

    def _half(self, row: str, what: str) -> None:
        print(f"HALF-PUBLISHED ({self.name}, {row}): {what}", flush=True)
        self.tally.half.append((row, what))

    def newest(self, kind: str) -> pathlib.Path:
        """The newest LIVE artifact of a type."""
        found = open_store(str(self.root), write=True).get_artifacts_by_type(kind)
        return pathlib.Path(max((a for a in found if a.state == 2), key=lambda a: a.id).uri)

    def check_end(self, row: str, uninterrupted: End) -> None:
        """Compares what came out with what an uninterrupted run gave."""
        for problem in End.of(self).differences(uninterrupted):
            self._lost(row, f"the end differs: {problem}")


@dataclasses.dataclass
class End:
    """What a pipeline came to."""

    rows: list[bytes]
    weights: dict[str, Any]
    metrics: dict[str, float]
    predictions: Any
    pushed: int

    @classmethod
    def of(cls, world: World) -> End:
        """Reads it."""
        import tensorflow as tf

        (folder,) = [path for path in world.store.iterdir() if path.is_dir()]
        reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder)))
        weights = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
        report = json.loads((world.newest("ModelEvaluation") / "report.json").read_text())
        versions = sorted(p for p in world.versions.iterdir() if p.name.isdecimal())
        predict = tf.saved_model.load(str(versions[-1])).signatures["predict"]
        records = read_examples(world.data / "examples")
        return cls(
            rows=_canonical(read_examples(_transformed(world))),
            weights=weights,
            metrics=report["slices"][0]["metrics"],
            predictions=predict(examples=tf.constant(records))["logistic"].numpy(),
            pushed=len({world.seen[f"version {path.name}"] for path in versions}),
        )

    def differences(self, other: End) -> list[str]:
        """What is not equal, by name."""
        import numpy as np

        found = [
            name
            for name in {*self.weights, *other.weights}
            if not np.array_equal(self.weights.get(name), other.weights.get(name))
        ]
        found += ["transformed rows"] * (self.rows != other.rows)
        found += ["metrics"] * (self.metrics != other.metrics)
        found += ["predictions"] * (not np.array_equal(self.predictions, other.predictions))
        return found + ["versions"] * (self.pushed != other.pushed)


def _digest(folder: pathlib.Path) -> str:
    """SHA-256 of every file in a folder, names and contents; "" where there is none."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.relative_to(folder)} {content}\n".encode())
    return found.hexdigest() if folder.is_dir() else ""


def _transformed(world: World) -> pathlib.Path:
    made = world.root / "artifacts" / PHASES["transform"] / "transformed_examples"
    live = open_store(str(world.root), write=True).get_artifacts_by_type("Examples")
    uris = {a.uri for a in live if a.state == 2}
    return next(path for path in made.iterdir() if str(path) in uris)


def _canonical(records: list[bytes]) -> list[bytes]:
    """Equal for equal examples: protocol buffers have no order of a map's keys."""
    import tensorflow as tf

    parsed = map(tf.train.Example.FromString, records)
    return sorted(example.SerializeToString(deterministic=True) for example in parsed)


def file_kinds(folder: pathlib.Path) -> set[str]:
    """The kinds of files in a folder: numbers in names differ from run to run."""
    return {
        re.sub(r"\d+", "N", str(path.relative_to(folder)))
        for path in folder.rglob("*")
        if path.is_file()
    }
