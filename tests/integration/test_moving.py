"""The project of docs/moving.md: made by stock TFX 1.15, moved to the other stacks, and back.

Files, edits and commands are those of the page, and of the one on its preprocessing. Each
stack runs in processes of its own, by TFX's own LocalDagRunner, over one folder: the same
names, root, metadata and serving folder all along.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from page_code import page_blocks, page_commands, page_edit, page_files

from tfx_estimators.components.evaluator.report import Report, load_report
from tfx_estimators.lineage.outputs import Produced, latest_outputs
from tfx_estimators.lineage.runs import find_run
from tfx_estimators.lineage.store import open_store

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parents[2]
ANSWERS = pathlib.Path(__file__).parent / "moving" / "answers.py"
BEFORE_THE_TRAINER = ("CsvExampleGen", "StatisticsGen", "SchemaGen", "Transform")
EDIT = "4. Edit the pipeline's file"


def command(stack: str) -> list[str]:
    """The stack's Python, in a Debian 13 where this machine cannot run it."""
    python = str(ROOT / ".stacks" / stack / "bin" / "python")
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('tfx') is None)"
    runs_here = subprocess.run([python, "-c", look], check=False).returncode == 0
    return [python] if runs_here else [str(ROOT / "scripts" / "debian13.sh"), python]


def is_there(stack: str) -> bool:
    return (ROOT / ".stacks" / stack / "bin" / "tfx").is_file()


@dataclasses.dataclass(frozen=True)
class Production:
    """Years of work, in one folder that every stack sees at the same place."""

    folder: pathlib.Path

    def write_files(self, page: str) -> None:
        """Those that the page shows."""
        for name, content in page_files(page).items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(content)

    def edit(self, page: str, section: str, before: str, after: str) -> None:
        """Copies a file, and makes the edits that the page shows."""
        content = (self.folder / before).read_text()
        (self.folder / after).write_text(page_edit(page, section, content))

    def follow(self, page: str, section: str, stack: str, **typed: str) -> str:
        """Types a section's commands; what the last one said."""
        for words in page_commands(page, section, **typed):
            said = self.type_in(stack, *words)
        return said

    def type_in(self, stack: str, *words: str) -> str:
        """Runs a command in the folder, Python in the stack; what it said."""
        program, *arguments = words
        ours = {} if stack == "legacy" else {"PYTHONPATH": str(ROOT / "src")}
        if program == "python":
            # A Debian 13 of its own begins in another folder.
            script, *rest = arguments
            return _run([*command(stack), str(self.folder / script), *rest], ours, self.folder)
        if program == "tfx-estimators":
            typed = [sys.executable, "-m", "tfx_estimators.cli", *arguments]
            return _run(typed, {"PYTHONPATH": str(ROOT / "src")}, self.folder)
        assert program == "cp", shlex.join(words)
        return _run(words, {}, self.folder)

    def made(self, node: str) -> Produced:
        return latest_outputs(self.folder / "metadata.db", "points", node)

    def states(self) -> dict[str, str]:
        """How each node's newest execution ended."""
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self.folder / "metadata.db")
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
        store = MetadataStore(config)
        states = {}
        for context in store.get_contexts_by_type("node"):
            newest = max(store.get_executions_by_context(context.id), key=lambda one: one.id)
            state = mlmd.Execution.State.Name(newest.last_known_state)
            states[context.name.partition(".")[2]] = state
        return states

    def newest_run(self) -> str:
        """Its name."""
        return find_run(open_store(self.folder / "metadata.db"), "latest").name

    def versions(self) -> list[int]:
        """What is pushed, in the order in which it was."""
        folders = [path for path in (self.folder / "serving").iterdir() if path.name.isdigit()]
        return [int(path.name) for path in sorted(folders, key=lambda path: path.stat().st_ctime)]

    def answers(self, stack: str, version: int) -> str:
        """Predictions of a pushed version, to the last bit."""
        model = str(self.folder / "serving" / str(version))
        return self.type_in(stack, "python", ANSWERS.name, model).splitlines()[-1]

    def digests(self) -> dict[str, str]:
        """Of every file but the metadata, and the wheels that TFX makes anew for each run."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.parent != self.folder and not {"__pycache__", "_wheels"} & {*path.parts}
        }

    def report(self) -> Report:
        return load_report(self.made("Evaluator").uri("evaluation"))


def _run(command: Sequence[str], environment: dict[str, str], folder: pathlib.Path) -> str:
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


@pytest.fixture(scope="module")
def production() -> Iterator[Production]:
    """Two runs of the stock pipeline on TFX 1.15, both blessed and pushed."""
    for stack in ("legacy", "default"):
        if not is_there(stack):
            pytest.skip(f"make test-moving installs the {stack} stack")
    # A Debian 13 of its own sees the checkout, wherever temporary files go here.
    (ROOT / "build").mkdir(exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="moving-", dir=ROOT / "build"))
    try:
        made = Production(folder)
        made.write_files("moving")
        shutil.copy(ANSWERS, folder)
        made.follow("moving", "1. The project", "legacy")
        assert len(made.versions()) == 2
        yield made
    finally:
        shutil.rmtree(folder)


def test_a_production_moves_and_goes_back(production: Production) -> None:
    old = production.versions()
    model = production.made("Trainer").uri("model")
    stock_evaluation = production.made("Evaluator").uri("evaluation")
    before = production.digests()
    answers = production.answers("legacy", old[-1])

    production.follow("moving", "2. Back up", "default")
    production.edit("moving", EDIT, "pipeline.py", "moved.py")
    assert "0 need a change" in production.follow("moving", EDIT, "default")
    move, *look = page_commands("moving", "5. Run it on today's TFX", RUN=production.newest_run())
    log = production.type_in("default", *move)
    for words in look:
        said = production.type_in("default", *words)
    assert "Trainer.module_digest" in said
    states = production.states()
    assert {node: states[node] for node in BEFORE_THE_TRAINER} == dict.fromkeys(
        BEFORE_THE_TRAINER, "CACHED"
    )
    assert {states[node] for node in ("Trainer", "Evaluator", "Pusher")} == {"COMPLETE"}
    assert "Warm-starting" in log
    assert f"{model}/Format-Serving" in log[log.index("Warm-starting") :]
    _check_baseline(production.report(), stock_evaluation)
    assert production.answers("default", old[-1]) == answers
    moved = [production.made("Trainer").uri("model")]

    if is_there("current"):
        production.type_in("current", "python", "moved.py", "500")
        states = production.states()
        assert {states[node] for node in BEFORE_THE_TRAINER} == {"CACHED"}
        assert production.report().overall().baseline
        _check_close(production.answers("current", old[-1]), answers)
        moved.append(production.made("Trainer").uri("model"))

    versions = production.versions()
    assert versions == sorted(set(versions))
    assert versions[:2] == old
    assert len(versions) == 2 + len(moved)
    after = production.digests()
    assert {name: after.get(name) for name in before} == before

    withdraw, back, run = page_commands("moving", "6. The way back", MODEL=moved[0])
    production.type_in("default", *withdraw)
    for one in moved[1:]:
        production.type_in("default", *(one if word == moved[0] else word for word in withdraw))
    production.type_in("default", *back)
    production.type_in("legacy", *run)
    states = production.states()
    assert {states[node] for node in BEFORE_THE_TRAINER} == {"CACHED"}
    assert states["Pusher"] == "COMPLETE"
    assert production.versions() == sorted(production.versions())
    # And what the rollback serves again, as a version of its own.
    assert len(production.versions()) == 4 + len(moved)


def test_preprocessing_moves_to_columns_that_compute_the_same(production: Production) -> None:
    page = "moving-preprocessing"
    before = production.newest_run()
    production.edit("moving", EDIT, "pipeline.py", "moved.py")
    production.write_files(page)
    production.edit(page, "3. Edit the pipeline's file", "moved.py", "columns_pipeline.py")
    run, compare = page_commands(page, "4. Run it, and compare the numbers")
    production.type_in("default", *run)
    assert {production.states()[node] for node in BEFORE_THE_TRAINER[:-1]} == {"CACHED"}
    (wanted,) = page_blocks(page, "4. Run it, and compare the numbers", "text")
    assert wanted in production.type_in("default", *compare)
    evaluated = production.report().overall()
    # The same examples, so the same labels; the weights begin at random.
    assert evaluated.metrics["label/mean"] == pytest.approx(evaluated.baseline["label/mean"])
    said = production.follow(page, "5. Compare the models", "default", RUN=before)
    assert "overall accuracy" in said


def _check_close(found: str, wanted: str) -> None:
    """TensorFlow 2.21 computes some of the logits otherwise, by a few of the last bits."""
    ours, theirs = ast.literal_eval(found), ast.literal_eval(wanted)
    assert ours.keys() == theirs.keys()
    for name, (dtype, content) in theirs.items():
        assert ours[name][0] == dtype
        numbers = [np.frombuffer(bytes.fromhex(one), dtype) for one in (ours[name][1], content)]
        np.testing.assert_allclose(*numbers, rtol=1e-6, atol=1e-6, err_msg=name)


def _check_baseline(report: Report, stock_evaluation: str) -> None:
    """The old model's metrics, as they were on TFX 1.15."""
    result = tfma.load_eval_result(stock_evaluation, model_name="candidate")
    stock = dict(result.slicing_metrics)[()][""][""]
    ours = report.overall().baseline
    for name in ("accuracy", "auc", "average_loss", "label/mean", "prediction/mean"):
        assert ours[name] == pytest.approx(stock[name]["doubleValue"], abs=1e-6), name
