"""What ML Metadata is told of records: once, whoever tells it, and as often as it is told."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from tfx_estimators.lineage.files import LOCAL
from tfx_estimators.lineage.outputs import latest_outputs
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, value_of, values_of
from tfx_estimators.lineage.select import select
from tfx_estimators.lineage.store import open_store

pytestmark = [pytest.mark.stacks, pytest.mark.faults]


def snapshot(world: Any) -> dict[str, Any]:
    """All that the store holds, without numbers and times."""
    store = open_store(world.database)
    artifacts = {a.id: (a.type, a.uri, a.state, tuple(values_of(a).items()))
                 for a in store.get_artifacts()}  # fmt: skip
    executions = {e.id: (e.type, e.last_known_state, tuple(values_of(e).items()),
                         tuple(sorted(c.name for c in store.get_contexts_by_execution(e.id))))
                  for e in store.get_executions()}  # fmt: skip
    events = [(artifacts[e.artifact_id], executions[e.execution_id], e.type,
               str(e.path).replace("\n", " "))
              for e in store.get_events_by_artifact_ids(list(artifacts))]  # fmt: skip
    return {
        "artifacts": sorted(artifacts.values()),
        "executions": sorted(executions.values()),
        "events": sorted(events),
    }


def test_the_graph_of_the_records(world: Any, told: Any) -> None:
    done = told()
    assert (done.artifacts, done.waiting) == (8, 0)
    store = open_store(world.database)
    checkpoints = select(store, "artifacts", CHECKPOINT_TYPE)
    assert [value_of(c, "step") for c in checkpoints] == [100, 200, 200]
    assert value_of(checkpoints[0], "metric.auc") == pytest.approx(0.6)
    assert value_of(checkpoints[0], "global_examples") == 3200
    # The failed attempt keeps its own, and the one that went on has read it.
    failed, resumed = {
        e.execution_id: e.type for e in store.get_events_by_artifact_ids([checkpoints[0].id])
    }
    states = {e.id: e.last_known_state for e in store.get_executions_by_id([failed, resumed])}
    assert sorted(states.values()) == [3, 4]  # COMPLETE and FAILED
    made = latest_outputs(world.database, "small", "Trainer")
    assert made.uri("model") == "/run-2/model"
    assert made.custom("model", "checkpoint_digest") == value_of(checkpoints[-1], "digest")


def test_telling_again_changes_nothing(world: Any, told: Any) -> None:
    told()
    before = snapshot(world)
    done = told()
    assert (done.artifacts, done.events) == (0, 0)
    assert snapshot(world) == before


def test_news_of_a_checkpoint_is_taken_over(world: Any, told: Any) -> None:
    told()
    world.checkpoint(1, 100, attempt=1, kept=False)
    done = told()
    assert done.artifacts == 1
    (gone,) = [a for a in open_store(world.database).get_artifacts() if a.state == 4]
    assert value_of(gone, "step") == 100


def test_in_parts_and_backwards(world: Any, told: Any, tmp_path: Any) -> None:
    from tfx_estimators.lineage.reconcile import reconcile
    from tfx_estimators.lineage.record_files import read_records

    told()
    whole = snapshot(world)
    world.database = tmp_path / "other.sqlite"
    records = [r for folder in world.folders() for r in read_records(folder).values()]
    records.reverse()
    # A step first: of a checkpoint alone nobody knows the type of its execution.
    for record in sorted(records, key=lambda record: record.kind != "step"):
        reconcile(open_store(world.database, write=True, create=True), [record])
    told()
    assert snapshot(world) == whole


_TELL = """
import sys
from tfx_estimators.lineage.reconcile import reconcile_folder
from tfx_estimators.lineage.store import open_store
store = open_store(sys.argv[1], write=True, create=True)
print("open", flush=True)
for folder in sys.argv[2:]:
    reconcile_folder(store, folder)
"""


def test_several_writers_at_once_tell_what_one_would(world: Any, told: Any, tmp_path: Any) -> None:
    told()
    alone = snapshot(world)
    world.database = tmp_path / "shared.sqlite"
    open_store(world.database, write=True, create=True)
    command = [sys.executable, "-c", _TELL, str(world.database), *world.folders()]
    writers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [writer.wait(300) for writer in writers] == [0] * 4
    assert snapshot(world) == alone


def test_a_writer_that_was_killed_is_made_good(world: Any, told: Any, tmp_path: Any) -> None:
    told()
    whole = snapshot(world)
    world.database = tmp_path / "killed.sqlite"
    command = [sys.executable, "-c", _TELL, str(world.database), *world.folders()]
    for delay in (0.005, 0.02, 0.06):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
    told()
    assert snapshot(world) == whole


def test_what_is_written_does_not_land_behind_a_link(tmp_path: pathlib.Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    (tmp_path / "writer.json").symlink_to(thesis)
    with pytest.raises(OSError, match=r"writer\.json"):
        LOCAL.open(str(tmp_path / "writer.json"), "w")
    assert thesis.read_text() == "years of work"
    with LOCAL.open(str(tmp_path / "writer.json"), "r") as file:
        assert file.read() == "years of work"
