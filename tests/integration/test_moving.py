"""A production that stock TFX 1.15 made, moved to the default and the current stack, and back.

Each stack runs in processes of its own, by TFX's own LocalDagRunner, over one folder: the
same names, root, metadata and serving folder all along.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from click.testing import CliRunner
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from tfx_estimators.cli import main
from tfx_estimators.components.evaluator.report import Report, load_report
from tfx_estimators.lineage.outputs import Produced, latest_outputs

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).parent / "moving"
MODULE = ROOT / "tests" / "components" / "trainer" / "modules" / "era_module.py"
BEFORE_THE_TRAINER = ("CsvExampleGen", "StatisticsGen", "SchemaGen", "Transform")

# What `doctor` and docs/moving.md say, and nothing else.
EDITS = (
    ("import tensorflow_model_analysis as tfma\n",
     "from tensorflow_model_analysis.proto import config_pb2 as tfma\n"),
    ("    Evaluator,\n    Pusher,\n", ""),
    ("    Trainer,\n", ""),
    ("from tfx.components.trainer.executor import Executor\n", ""),
    ("        custom_executor_spec=executor_spec.ExecutorClassSpec(Executor),\n", ""),
    ("transformed_examples=transform", "examples=transform"),
    ('signature_name="eval"', ""),
    ("\n\ndef create_pipeline", "\nfrom tfx_estimators.components import (\n"
     "    EstimatorEvaluator, EstimatorPusher, EstimatorTrainer)\n\n\ndef create_pipeline"),
    ("trainer = Trainer(", "trainer = EstimatorTrainer("),
    ("EvalArgs(num_steps=5),\n    )", 'EvalArgs(num_steps=5),\n    ).with_id("Trainer")'),
    ("evaluator = Evaluator(", "evaluator = EstimatorEvaluator("),
    ("eval_config=eval_config,\n    )", 'eval_config=eval_config,\n    ).with_id("Evaluator")'),
    ("pusher = Pusher(", "pusher = EstimatorPusher("),
    ("    )\n    return pipeline", '    ).with_id("Pusher")\n    return pipeline'),
)  # fmt: skip


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

    def run(self, stack: str, file: str, steps: int) -> str:
        """Runs a pipeline's file; what it logs."""
        moved = {"PYTHONPATH": str(ROOT / "src")} if file == "moved.py" else {}
        arguments = [str(self.folder / "code" / file), str(self.folder), str(steps)]
        return _run([*command(stack), *arguments], moved)

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

    def versions(self) -> list[int]:
        """What is pushed, in the order in which it was."""
        folders = [path for path in (self.folder / "serving").iterdir() if path.name.isdigit()]
        return [int(path.name) for path in sorted(folders, key=lambda path: path.stat().st_ctime)]

    def answers(self, stack: str, version: int) -> str:
        """Predictions of a pushed version, to the last bit."""
        script = self.folder / "code" / "answers.py"
        said = _run([*command(stack), str(script), str(self.folder / "serving" / str(version))], {})
        return said.splitlines()[-1]

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


def _run(command: Sequence[str], environment: dict[str, str]) -> str:
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command,
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
    # A Debian 13 of its own sees the checkout only.
    (ROOT / "build").mkdir(exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="moving-", dir=ROOT / "build"))
    try:
        for part in ("code", "data", "serving"):
            (folder / part).mkdir()
        for file in (HERE / "stock_pipeline.py", HERE / "answers.py", MODULE):
            shutil.copy(file, folder / "code")
        moved = (HERE / "stock_pipeline.py").read_text()
        for before, after in EDITS:
            assert moved.count(before) == 1, before
            moved = moved.replace(before, after)
        (folder / "code" / "moved.py").write_text(moved)
        numbers = random.Random(3)
        rows = [(numbers.gauss(0, 1), numbers.choice(["red", "green", "blue"])) for _ in range(400)]
        lines = [f"{x:.4f},{color},{int(x + (color == 'red') > 0.3)}" for x, color in rows]
        (folder / "data" / "points.csv").write_text("\n".join(["x,color,y", *lines, ""]))
        made = Production(folder)
        made.run("legacy", "stock_pipeline.py", 20)
        made.run("legacy", "stock_pipeline.py", 30)
        assert len(made.versions()) == 2
        yield made
    finally:
        shutil.rmtree(folder)


def needed(file: pathlib.Path) -> set[str]:
    """The names that doctor asks to change."""
    found = json.loads(CliRunner().invoke(main, ["doctor", str(file), "--json"]).output)
    return {one["name"] for one in found if one["verdict"] != "works"}


def test_doctor_lists_exactly_what_has_to_be_edited(production: Production) -> None:
    code = production.folder / "code"
    stock = needed(code / "stock_pipeline.py")
    assert {name for name in stock if name.startswith("tfx.")} == {
        "tfx.components.Trainer",
        "tfx.components.Trainer(custom_executor_spec)",
        "tfx.components.Trainer(transformed_examples)",
        "tfx.components.Evaluator",
        "tfx.components.Pusher",
        "tfx.components.trainer.executor",
    }
    assert "tensorflow_model_analysis.ModelSpec(signature_name='eval')" in stock
    assert needed(code / "moved.py") == set()
    assert needed(code / "era_module.py") == set()


def test_a_production_moves_and_goes_back(production: Production) -> None:
    old = production.versions()
    model = production.made("Trainer").uri("model")
    stock_evaluation = production.made("Evaluator").uri("evaluation")
    before = production.digests()
    answers = production.answers("legacy", old[-1])

    log = production.run("default", "moved.py", 40)
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
        production.run("current", "moved.py", 50)
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

    for one in moved:
        _run_command("withdraw", one, "--metadata", str(production.folder / "metadata.db"))
    production.run("legacy", "stock_pipeline.py", 60)
    states = production.states()
    assert {states[node] for node in BEFORE_THE_TRAINER} == {"CACHED"}
    assert states["Pusher"] == "COMPLETE"
    assert production.versions() == sorted(production.versions())
    assert len(production.versions()) == 3 + len(moved)


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


def _run_command(*arguments: str) -> None:
    answer = CliRunner().invoke(main, list(arguments))
    assert answer.exit_code == 0, answer.output
