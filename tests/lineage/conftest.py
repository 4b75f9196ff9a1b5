"""A store as TFX's local runner leaves it, and records as trainers leave them."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

from tfx_estimators.lineage.digests import checkpoint_digest
from tfx_estimators.lineage.record_files import write_record
from tfx_estimators.lineage.records import (
    ArtifactRecord,
    CheckpointRecord,
    ModelRecord,
    StepRecord,
)


class World:
    """Two runs of a pipeline, of which no runner kept any metadata.

    Examples -> Trainer -> Model -> Pusher -> PushedModel; the first run's trainer was
    interrupted once and went on.

    Args:
        folder: where all of it lies.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.records = folder / "records"
        self.checkpoints = folder / "checkpoints"
        self.database = folder / "metadata.sqlite"
        for number in (1, 2):
            self._run(number)

    def _run(self, number: int) -> None:
        run = f"run-{number}"
        examples = ArtifactRecord(
            key="examples", type="Examples", uri="/data/examples",
            properties={"span": 7, "split_names": '["train", "eval"]'},
        )  # fmt: skip
        model = ArtifactRecord(
            key="model", type="Model", uri=f"/{run}/model",
            properties={"model_digest": f"m{number}" * 8, "checkpoint_digest": _digest(number, 200),
                        "fingerprint": f"f{number}" * 8, "step": 200},
        )  # fmt: skip
        pushed = ArtifactRecord(
            key="pushed_model", type="PushedModel", uri=f"/{run}/pushed",
            properties={"pushed": 1, "pushed_version": str(100 + number),
                        "pushed_destination": f"/serving/{100 + number}",
                        "model_digest": f"m{number}" * 8},
        )  # fmt: skip
        self.step(run, "Gen", number * 10, outputs=(examples,))
        if number == 1:
            self.step(run, "Trainer", 11.0, attempt=1, state="failed", inputs=(examples,))
            self.checkpoint(1, 100, attempt=1)
        self.step(run, "Trainer", number * 10 + 2, attempt=2, inputs=(examples,), outputs=(model,),
                  parameters={"custom_config": f'{{"seed": {number}}}'})  # fmt: skip
        self.checkpoint(
            number, 200, attempt=2, resumed_from=_digest(1, 100) if number == 1 else None
        )
        write_record(
            str(self.checkpoints / f"{number}"),
            ModelRecord(
                pipeline="small", run=run, node="Trainer", execution=f"{run}-Trainer-2",
                wall_time=number * 10 + 2.5, uri=model.uri, digest=f"m{number}" * 8,
                checkpoint_digest=_digest(number, 200), fingerprint=f"f{number}" * 8, step=200,
            ),
        )  # fmt: skip
        self.step(run, "Pusher", number * 10 + 3, inputs=(model,), outputs=(pushed,))

    def step(self, run: str, node: str, at: float, *, attempt: int = 1, state: str = "complete",
             inputs: Any = (), outputs: Any = (), parameters: Any = None) -> None:  # fmt: skip
        """Writes what a step writes of itself."""
        record = StepRecord(
            pipeline="small", run=run, node=node, execution=f"{run}-{node}-{attempt}",
            wall_time=float(at), began=at - 0.5, type=f"a.{node}", state=state,
            inputs=inputs, outputs=outputs,
            parameters=parameters or {},
        )  # fmt: skip
        write_record(str(self.records), record)

    def checkpoint(self, number: int, step: int, *, attempt: int, resumed_from: str | None = None,
                   kept: bool = True) -> CheckpointRecord:  # fmt: skip
        """Writes a checkpoint's record, and files in its name."""
        folder = self.checkpoints / f"{number}"
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in ("index", "data-00000-of-00001"):
            (folder / f"model.ckpt-{step}.{suffix}").write_text(_content(number, step))
        record = CheckpointRecord(
            pipeline="small", run=f"run-{number}", node="Trainer",
            execution=f"run-{number}-Trainer-{attempt}", wall_time=number * 10 + step / 1000,
            uri=f"{folder}/model.ckpt-{step}", digest=_digest(number, step),
            fingerprint=f"f{number}" * 8, step=step, global_examples=step * 32,
            metrics={"auc": 0.5 + step / 1000, "average_loss": 1 / 3}, size_bytes=10,
            resumed_from=resumed_from, kept=kept,
        )  # fmt: skip
        write_record(str(folder), record)
        return record

    def folders(self) -> list[str]:
        """Where its records lie."""
        return [str(self.records), str(self.checkpoints)]


def _content(number: int, step: int) -> str:
    return f"{number} {step}"


def _digest(number: int, step: int) -> str:
    """Of such files, wherever they lie."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"{folder}/model.ckpt-{step}"
        for suffix in ("index", "data-00000-of-00001"):
            pathlib.Path(f"{prefix}.{suffix}").write_text(_content(number, step))
        return checkpoint_digest(prefix)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    return World(tmp_path)


@pytest.fixture
def told(world: World) -> Callable[[], Any]:
    """Tells the world's store all its records; returns what was done."""
    from tfx_estimators.lineage.reconcile import reconcile
    from tfx_estimators.lineage.record_files import read_records
    from tfx_estimators.lineage.store import open_store

    def tell() -> Any:
        records = [r for folder in world.folders() for r in read_records(folder).values()]
        return reconcile(open_store(world.database, write=True, create=True), records)

    return tell
