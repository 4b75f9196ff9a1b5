"""The conformance table: what tf.estimator promises, row by row, and what tests found.

A test that belongs to a row is marked `@pytest.mark.conformance("the row")`. With
`--conformance` a run of tests writes down, for the stack that it ran on, how many of each
row's tests passed and how far figures were from TensorFlow 2.15's, and makes
`docs/conformance.md` anew from what all stacks have written:

    python -m pytest -m conformance --conformance
"""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "conformance.md"
FOUND = ROOT / "tests" / "testdata" / "conformance"

STACKS = {"2.15": "legacy", "2.16": "default", "2.21": "current"}
"""Stacks by their TensorFlow."""

ROWS = {
    "pre-made": "every pre-made estimator, as a v2 and as a `compat.v1` class: "
    "losses and metrics equal TensorFlow 2.15's (SDCA: the loss)",
    "titanic": "the guide's `LinearClassifier` on CSV through `make_csv_dataset`",
    "input functions": "dicts of dense and sparse tensors, `tf.data`, graph tensors, NumPy, "
    "pandas, TFDS",
    "custom": "`model_fn` in all modes, `EstimatorSpec`, `Scaffold`, hooks, early stopping, "
    "warm start",
    "Keras": "`model_to_estimator` keeps the weights; Keras 3 models converted or refused",
    "object-based checkpoints": "`tf.train.Checkpoint` as the saver; checkpoints read without "
    "the estimator",
    "exports": "serving receivers, signatures, exporters; the best stays the best after a restart",
    "TensorBoard": "event files with the loss and `global_step/sec` while training runs",
    "MirroredStrategy": "several devices of one machine, pre-made and custom models",
    "MultiWorkerMirroredStrategy": "several workers as processes, equal weights afterwards",
    "CentralStorageStrategy": "one machine",
    "ParameterServerStrategy": "chief, workers, parameter server and evaluator as processes",
    "batch rule": "global batch = batch of a replica x replicas; shards disjoint and complete",
    "TPUStrategy": "refused early, with the reason",
    "ResNet50": "the Keras model under both mirrored strategies",
    "multi-worker digits": "the guide's MNIST tutorial over several workers",
}
"""What each row promises."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--conformance",
        action="store_true",
        help="write down what this run found of the conformance table's rows",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance(row): a row of docs/conformance.md")
    # With pytest-xdist, workers report to the process that writes.
    if config.getoption("--conformance") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Writer())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("conformance"):
        (row,) = marker.args
        if row not in ROWS:
            raise pytest.UsageError(f"{item.nodeid}: no row of the conformance table: {row!r}")
        item.user_properties.append(("conformance", row))


@pytest.fixture
def differs(record_property: Callable[[str, Any], None]) -> Callable[[Any, Any], float]:
    """Takes figures and TensorFlow 2.15's; gives the largest difference and notes it."""

    def difference(found: Mapping[str, float], reference: Mapping[str, float]) -> float:
        assert set(found) == set(reference)
        largest = max(abs(found[name] - reference[name]) for name in reference)
        record_property("difference", largest)
        return largest

    return difference


class _Writer:
    """Collects what tests report and writes it at the end."""

    def __init__(self) -> None:
        self._rows: dict[str, Counter[str]] = {}
        self._differences: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and not (report.failed or report.skipped):
            return
        for row in [value for name, value in report.user_properties if name == "conformance"]:
            self._rows.setdefault(row, Counter())[report.outcome] += 1
            for name, value in report.user_properties:
                if name == "difference":
                    largest = max(value, self._differences.get(row, 0.0))
                    self._differences[row] = largest

    def pytest_sessionfinish(self) -> None:
        version = importlib.metadata.version("tensorflow").rpartition(".")[0]
        file = FOUND / f"{STACKS[version]}.json"
        found = json.loads(file.read_text()) if file.is_file() else {}
        for row, counts in self._rows.items():
            found[row] = {
                "passed": counts["passed"],
                "failed": counts["failed"],
                "difference": self._differences.get(row),
            }
        ordered = {row: found[row] for row in ROWS if row in found}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(ordered, indent=1) + "\n")
        TABLE.write_text(table())


def table() -> str:
    """`docs/conformance.md` as it follows from what the stacks have written."""
    found = {
        stack: json.loads((FOUND / f"{stack}.json").read_text())
        for stack in STACKS.values()
        if (FOUND / f"{stack}.json").is_file()
    }
    heads = [f"{stack} (TF {version})" for version, stack in STACKS.items()]
    lines = [
        "# Conformance with TensorFlow 2.15",
        "",
        "Each row is a promise of `tf.estimator`, and each stack has a column with its test",
        "results: how many of the row's tests passed and, where figures are compared, the",
        "largest difference from TensorFlow 2.15. SDCA visits examples in its own order, so it",
        "is compared within 0.02 and left out of the difference. Generated by",
        "`python -m pytest -m conformance --conformance`, run on each stack.",
        "",
        "| row | what is tested | " + " | ".join(heads) + " |",
        "|---|---|" + "---|" * len(heads),
    ]
    for row, promise in ROWS.items():
        cells = [_cell(found.get(stack, {}).get(row)) for stack in STACKS.values()]
        lines.append(f"| {row} | {promise} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not run"
    words = [f"{found['passed']} passed"]
    if found["failed"]:
        words.append(f"**{found['failed']} failed**")
    if found["difference"] is not None:
        far = found["difference"]
        words.append(f"differs by {far:.1e}" if far else "equal")
    return ", ".join(words)
