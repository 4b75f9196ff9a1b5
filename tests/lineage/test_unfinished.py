"""A step whose process was killed does not stay running."""

from __future__ import annotations

import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from tfx_estimators.lineage.maintenance.unfinished import end_unfinished, note_process
from tfx_estimators.lineage.runs import list_runs
from tfx_estimators.lineage.store import open_store

pytestmark = pytest.mark.faults

_NOTE = """
import sys, time
from tfx_estimators.lineage.store import open_store
from tfx_estimators.lineage.maintenance.unfinished import note_process
note_process(open_store(sys.argv[1], write=True), int(sys.argv[2]))
print("noted", flush=True)
time.sleep(600)
"""


def test_what_a_killed_process_left_running_has_failed(tmp_path: pathlib.Path) -> None:
    store = open_store(tmp_path / "m.sqlite", write=True, create=True)
    type_id = store.put_execution_type(mlmd.ExecutionType(name="Trainer"))
    run_type = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    running = mlmd.Execution(type_id=type_id, last_known_state=mlmd.Execution.RUNNING)
    run = mlmd.Context(type_id=run_type, name="run")
    noted, mine = (store.put_execution(running, [], [run], True)[0] for _ in range(2))
    # Somebody else's note, which names no process.
    running.custom_properties["tfx_estimators.process"].string_value = f"{socket.gethostname()}/x"
    unknown = store.put_execution(running, [], [run], True)[0]
    note_process(store, mine)
    command = [sys.executable, "-c", _NOTE, str(tmp_path / "m.sqlite"), str(noted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert end_unfinished(store) == []
        (heard,) = store.get_executions_by_id([noted])
        process.kill()
    assert end_unfinished(store) == [noted]
    assert end_unfinished(store) == []
    (listed,) = list_runs(store)
    steps = {step.id: step for step in listed.steps}
    assert steps[noted].state == "failed"
    assert {steps[mine].state, steps[unknown].state} == {"running"}
    # It ended when it was last heard of, not when that was noticed.
    until_heard = heard.last_update_time_since_epoch - heard.create_time_since_epoch
    assert steps[noted].seconds == pytest.approx(until_heard / 1000, abs=1e-4)
    assert end_unfinished(store, here=True) == [mine]


def test_a_clock_that_is_set_ends_no_living_process(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path / "m.sqlite", write=True, create=True)
    type_id = store.put_execution_type(mlmd.ExecutionType(name="Trainer"))
    running = mlmd.Execution(type_id=type_id, last_known_state=mlmd.Execution.RUNNING)
    (execution,) = store.put_executions([running])
    note_process(store, execution)
    # Linux says when the machine was started by the clock as it is now.
    kernel = tmp_path / "proc"
    kernel.mkdir()
    stat = pathlib.Path("/proc/stat").read_text()
    set_back = re.sub(r"btime (\d+)", lambda m: f"btime {int(m[1]) - 3600}", stat)
    (kernel / "stat").write_text(set_back)
    (kernel / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
    monkeypatch.setattr("psutil.PROCFS_PATH", str(kernel))
    assert end_unfinished(store) == []
