"""How fast ML Metadata answers about lineage, and whether several writers lose anything.

    python benchmarks/metadata.py [--executions 10000] [--records 100]

First, a store of 10,000 executions and 100,000 artifacts: runs of four steps (examples,
a training with 37 checkpoints and a model, an evaluation, a push), put in bulk. Each
question is asked three times; its time is the slowest, with opening the store.

Then eight processes tell another store of their checkpoints at the same time, as trainings
that end together do. What is not in the file's tables afterwards is lost: checkpoints, and
the events that say who wrote them. The last line is one line of JSON:

    lineage_seconds  the slowest question of all
    writers          how many processes wrote at once
    lost             how many checkpoints and events are not there
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import pathlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from tfx_estimators.json_text import dumps, finite
from tfx_estimators.lineage.checkpoints import list_checkpoints
from tfx_estimators.lineage.compare import compare
from tfx_estimators.lineage.models import list_models
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, Value, fill
from tfx_estimators.lineage.reconcile import reconcile
from tfx_estimators.lineage.records import CheckpointRecord, StepRecord
from tfx_estimators.lineage.runs import find_run, list_runs
from tfx_estimators.lineage.store import open_store
from tfx_estimators.lineage.trace import downstream, find_artifact, upstream

WRITERS = 8
TIMES = 3
STEPS = ("Gen", "Trainer", "Evaluator", "Pusher")
CHECKPOINTS = 37  # With examples, model and pushed model: forty artifacts a run.
RUNS_AT_A_TIME = 25
CONTEXTS = ("pipeline", "pipeline_run", "node")


def main() -> int:
    """Runs both parts; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=100, help="checkpoints a writer")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        slowest = measure_questions(pathlib.Path(folder), max(2, arguments.executions // 4))
        lost = measure_writers(pathlib.Path(folder), arguments.records)
    print(dumps(finite({"lineage_seconds": round(slowest, 3), "writers": WRITERS, "lost": lost})))
    return 1 if lost else 0


def measure_questions(folder: pathlib.Path, runs: int) -> float:
    """Seconds that the slowest question took."""
    database = folder / "questions.sqlite"
    start = time.perf_counter()
    fill_store(database, runs)
    print(
        f"{4 * runs} executions, {(CHECKPOINTS + 3) * runs} artifacts, "
        f"put in {time.perf_counter() - start:.0f} s\n"
    )
    middle = runs // 2
    questions: dict[str, Callable[[Any], Any]] = {
        "runs": list_runs,
        "runs latest": lambda store: find_run(store, "latest"),
        "checkpoints": list_checkpoints,
        "checkpoints of a training": lambda store: list_checkpoints(
            store, fingerprint=fingerprint(middle), limit=None
        ),
        "models": list_models,
        "lineage of a pushed version": lambda store: upstream(
            store, find_artifact(store, f"v{middle}")
        ),
        "lineage of a span, down": lambda store: downstream(
            store, find_artifact(store, f"span:{middle}")
        ),
        "diff": lambda store: compare(
            store, find_run(store, f"run-{middle}."), find_run(store, f"run-{middle - 1}.")
        ),
    }
    slowest = 0.0
    for name, ask in questions.items():
        seconds = 0.0
        for _ in range(TIMES):
            start = time.perf_counter()
            answer = ask(open_store(database))
            seconds = max(seconds, time.perf_counter() - start)
        size = len(answer) if isinstance(answer, list) else 1
        print(f"{name:30}{seconds:8.3f} s   {size} found")
        slowest = max(slowest, seconds)
    return slowest


def fingerprint(run: int) -> str:
    """Of the training of this run."""
    return f"f{run:07}" * 8


def fill_store(database: pathlib.Path, runs: int) -> None:
    """Puts runs as the local runner and `reconcile` leave them."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    store = open_store(database, write=True, create=True)
    types = {
        name: store.put_artifact_type(mlmd.ArtifactType(name=name))
        for name in ("Examples", CHECKPOINT_TYPE, "Model", "PushedModel")
    }
    steps = [store.put_execution_type(mlmd.ExecutionType(name=f"a.{name}")) for name in STEPS]
    kinds = [store.put_context_type(mlmd.ContextType(name=name)) for name in CONTEXTS]
    shared = [mlmd.Context(type_id=kinds[0], name="large")]
    shared += [mlmd.Context(type_id=kinds[2], name=f"large.{name}") for name in STEPS]
    numbers = store.put_contexts(shared)
    for context, number in zip(shared, numbers, strict=True):
        context.id = number
    for begin in range(0, runs, RUNS_AT_A_TIME):
        executions: list[Any] = []
        artifacts: list[Any] = []
        contexts = list(shared)
        events: list[tuple[int, int, Any]] = []
        parents = []
        for run in range(begin, min(begin + RUNS_AT_A_TIME, runs)):
            context = mlmd.Context(type_id=kinds[1], name=f"run-{run}.")
            contexts.append(context)
            add_run(run, types, steps, executions, artifacts, events)
        fresh = contexts[len(shared) :]
        for context, number in zip(fresh, store.put_contexts(fresh), strict=True):
            context.id = number
            parents.append(mlmd.ParentContext(child_id=number, parent_id=numbers[0]))
        store.put_parent_contexts(parents)
        put = [(execution, artifact, mlmd.Event(type=kind)) for execution, artifact, kind in events]
        execution_ids, _, _ = store.put_lineage_subgraph(executions, artifacts, [], put)
        links = []
        for place, number in enumerate(execution_ids):
            mine = (numbers[0], numbers[1 + place % 4], contexts[len(shared) + place // 4].id)
            links += [mlmd.Association(execution_id=number, context_id=one) for one in mine]
        store.put_attributions_and_associations([], links)


def add_run(run: int, types: dict[str, int], steps: list[int], executions: list[Any],
            artifacts: list[Any], events: list[tuple[int, int, Any]]) -> None:  # fmt: skip
    """Adds one run's executions, artifacts and events, the latter by places in the lists."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    def artifact(kind: str, uri: str, **facts: Value) -> int:
        made = mlmd.Artifact(type_id=types[kind], uri=uri, state=mlmd.Artifact.LIVE)
        fill(made.custom_properties, {name.replace("__", "."): v for name, v in facts.items()})
        artifacts.append(made)
        return len(artifacts) - 1

    first = len(executions)
    for step in steps:
        execution = mlmd.Execution(type_id=step, last_known_state=mlmd.Execution.COMPLETE)
        fill(execution.custom_properties, {"seed": run})
        executions.append(execution)
    digests = [f"{run:08}{number:08}" * 4 for number in range(CHECKPOINTS)]
    examples = artifact("Examples", f"/large/{run}/examples", span=run)
    written = [
        artifact(
            CHECKPOINT_TYPE, f"/large/{run}/model.ckpt-{number * 100}", step=number * 100,
            global_examples=number * 3200, wall_time=float(run), size_bytes=10_000_000,
            format="saver", fingerprint=fingerprint(run), digest=digest, metric__auc=0.75,
        )
        for number, digest in enumerate(digests)
    ]  # fmt: skip
    model = artifact(
        "Model", f"/large/{run}/model", model_digest=f"m{run:07}" * 8, step=3600,
        checkpoint_digest=digests[-1], fingerprint=fingerprint(run),
    )  # fmt: skip
    pushed = artifact(
        "PushedModel", f"/large/{run}/pushed", pushed_version=f"v{run}",
        pushed_destination=f"/serving/v{run}", model_digest=f"m{run:07}" * 8,
    )  # fmt: skip
    kinds = mlmd.Event
    events += [(first, examples, kinds.OUTPUT), (first + 1, examples, kinds.INPUT)]
    events += [(first + 1, number, kinds.DECLARED_OUTPUT) for number in written]
    events += [(first + 1, model, kinds.OUTPUT), (first + 2, model, kinds.INPUT)]
    events += [(first + 3, model, kinds.INPUT), (first + 3, pushed, kinds.OUTPUT)]


def measure_writers(folder: pathlib.Path, records: int) -> int:
    """How much of what eight processes put at once is not there."""
    database = folder / "writers.sqlite"
    start = time.perf_counter()
    processes = multiprocessing.get_context("spawn")
    writers = [
        processes.Process(target=write, args=(str(database), number, records))
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    failed = sum(writer.exitcode != 0 for writer in writers)
    wanted = {digest_of(writer, n) for writer in range(WRITERS) for n in range(records)}
    with contextlib.closing(sqlite3.connect(database)) as connection:
        there = {row[0] for row in connection.execute(
            "SELECT p.string_value FROM ArtifactProperty p WHERE p.name = 'digest'")}  # fmt: skip
        told = {row[0] for row in connection.execute(
            "SELECT p.string_value FROM ArtifactProperty p JOIN Event e "
            "ON e.artifact_id = p.artifact_id WHERE p.name = 'digest'")}  # fmt: skip
    lost = len(wanted - there) + len(wanted - told)
    print(
        f"\n{WRITERS} writers, {len(wanted)} checkpoints in {time.perf_counter() - start:.1f} s: "
        f"{len(wanted - there)} checkpoints and {len(wanted - told)} events lost, "
        f"{failed} writers failed"
    )
    return lost


def digest_of(writer: int, number: int) -> str:
    """Of a checkpoint that a writer tells of."""
    return f"{writer:08}{number:08}" * 4


def write(database: str, writer: int, records: int) -> None:
    """Tells of one training's checkpoints, ten at a time."""
    common: dict[str, Any] = {
        "pipeline": "written", "run": f"run-{writer}", "node": "Trainer",
        "execution": f"run-{writer}-Trainer",
    }  # fmt: skip
    step = StepRecord(
        **common, wall_time=float(writer), began=float(writer), type="a.Trainer",
        state="complete", inputs=(), outputs=(), parameters={},
    )  # fmt: skip
    store = open_store(database, write=True, create=True)
    for begin in range(0, records, 10):
        checkpoints = [
            CheckpointRecord(
                **common, wall_time=float(number), uri=f"/{writer}/model.ckpt-{number}",
                digest=digest_of(writer, number), fingerprint=fingerprint(writer), step=number,
                global_examples=number * 32, metrics={"auc": 0.75}, size_bytes=10,
                resumed_from=None, kept=True,
            )
            for number in range(begin, min(begin + 10, records))
        ]  # fmt: skip
        reconcile(store, [step, *checkpoints])


if __name__ == "__main__":
    sys.exit(main())
