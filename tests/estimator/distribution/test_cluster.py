"""Processes are started, watched, and ended whatever happens."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from process_states import has_ended

from tfx_estimators.errors import TrainingError
from tfx_estimators.estimator.distribution import Mirrored, MultiWorker, ParameterServer
from tfx_estimators.estimator.distribution.ports import release_ports, reserve_ports
from tfx_estimators.estimator.distribution.processes import Task, run_tasks, tasks_of
from tfx_estimators.estimator.distribution.shares import gpu_shares

pytestmark = pytest.mark.stacks

# Does what FOLDER/NAME.py says, having written down its process id and TF_CONFIG.
BEGIN = """
import os, pathlib, sys, time
sys.path[:0] = {path!r}
from tfx_estimators.estimator.distribution.processes import end_with_parent
end_with_parent()
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
(folder / f"{{name}}.config").write_text(os.environ.get("TF_CONFIG", ""))
(folder / f"{{name}}.new").write_text(str(os.getpid()))
(folder / f"{{name}}.new").rename(folder / f"{{name}}.pid")
exec((folder / f"{{name}}.py").read_text())
"""
FOR_EVER = "time.sleep(1000)"
WAIT_FOR_ALL = "while len(list(folder.glob('*.pid'))) < {count}: time.sleep(0.05)\n"


class Cluster:
    """Tasks whose work is a few lines each."""

    def __init__(self, folder: pathlib.Path, policy: Any) -> None:
        self.folder = folder
        self.tasks = tasks_of(policy)
        self.program = folder / "task_program"
        self.program.write_text(BEGIN.format(path=[p for p in sys.path if p]))
        self.do(**{task.name: "" for task in self.tasks})

    def do(self, **work: str) -> None:
        """What tasks do once all of them have been started."""
        wait = WAIT_FOR_ALL.format(count=len(self.tasks))
        for name, code in work.items():
            (self.folder / f"{name}.py").write_text(wait + code)

    def run(self, watch: Callable[[int, int], None] = lambda running, of: None) -> None:
        run_tasks(self.tasks, self.command, self.folder / "logs", watch)

    def command(self, task: Task) -> list[str]:
        return [sys.executable, str(self.program), str(self.folder), task.name]

    def started(self) -> list[int]:
        return [int(path.read_text()) for path in self.folder.glob("*.pid")]

    def config(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.config").read_text())
        return found


def wait_until_gone(processes: Iterable[int]) -> None:
    deadline = time.monotonic() + 300
    for process in processes:
        while not has_ended(process):
            assert time.monotonic() < deadline, f"process {process} is left"
            time.sleep(0.05)


@pytest.fixture
def pair(tmp_path: pathlib.Path) -> Cluster:
    return Cluster(tmp_path, MultiWorker(2))


def test_tf_config_of_each_task(tmp_path: pathlib.Path) -> None:
    cluster = Cluster(tmp_path, ParameterServer(2, 1))
    cluster.run()
    names = ["chief-0", "evaluator-0", "ps-0", "worker-0", "worker-1"]
    assert sorted(task.name for task in cluster.tasks) == names
    configs = [cluster.config(name) for name in names]
    (addresses,) = {json.dumps(config["cluster"], sort_keys=True) for config in configs}
    members = json.loads(addresses)
    # The evaluator is no member: nobody waits for it.
    assert {kind: len(found) for kind, found in members.items()} == {
        "chief": 1, "ps": 1, "worker": 2,
    }  # fmt: skip
    ports = [address for found in members.values() for address in found]
    assert len(set(ports)) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert [f"{c['task']['type']}-{c['task']['index']}" for c in configs] == names
    assert [task.name for task in cluster.tasks if task.leads] == ["chief-0"]


def test_gpus_are_dealt_out() -> None:
    """A pure function: there are no GPUs to try it on."""
    workers, several = tasks_of(MultiWorker(2)), tasks_of(ParameterServer(1, 1))
    four = ["0", "1", "2", "3"]
    assert gpu_shares(four, workers, None) == {"worker-0": "0,1", "worker-1": "2,3"}
    assert gpu_shares(four, workers, 1) == {"worker-0": "0", "worker-1": "1"}
    assert gpu_shares(["5"], workers, 1) == {"worker-0": "5", "worker-1": ""}
    assert gpu_shares(["5"], workers, None) == {"worker-0": "", "worker-1": ""}
    assert gpu_shares([], workers, 1) == {}
    assert gpu_shares(["6", "7"], several, None) == {
        "chief-0": "6", "worker-0": "7", "ps-0": "", "evaluator-0": "",
    }  # fmt: skip


def test_a_policy_of_one_process_has_no_tf_config(tmp_path: pathlib.Path) -> None:
    cluster = Cluster(tmp_path, Mirrored())
    cluster.run()
    (task,) = cluster.tasks
    assert task.leads
    assert (tmp_path / f"{task.name}.config").read_text() == ""


def test_parameter_servers_end_when_the_others_have(tmp_path: pathlib.Path) -> None:
    cluster = Cluster(tmp_path, ParameterServer(1, 2))
    cluster.do(**{"ps-0": FOR_EVER, "ps-1": FOR_EVER})
    seen = []
    cluster.run(lambda running, of: seen.append((running, of)))
    assert {of for _, of in seen} == {5}
    assert max(running for running, _ in seen) >= 2
    wait_until_gone(cluster.started())


def test_a_task_that_fails_is_named_with_its_last_lines(pair: Cluster) -> None:
    talk = "print(*range(100), sep='\\n'); print('out of luck', file=sys.stderr); sys.exit(3)"
    pair.do(**{"worker-0": FOR_EVER, "worker-1": talk})
    with pytest.raises(TrainingError) as failed:
        pair.run()
    told = str(failed.value)
    assert "worker-1 failed with code 3" in told
    assert "out of luck" in told
    assert "99" in told
    assert "\n    5\n" not in told
    wait_until_gone(pair.started())


def test_a_task_that_is_killed_is_named(pair: Cluster) -> None:
    pair.do(
        **{
            "worker-0": FOR_EVER,
            "worker-1": f"print('so far', flush=True)\nos.kill(os.getpid(), {int(signal.SIGKILL)})",
        }
    )
    with pytest.raises(TrainingError, match=r"worker-1 was ended by SIGKILL(.|\n)*so far"):
        pair.run()
    wait_until_gone(pair.started())


def test_tasks_end_when_watching_fails(pair: Cluster) -> None:
    # One does not even listen when it is asked to end.
    deaf = f"import signal; signal.signal({int(signal.SIGTERM)}, signal.SIG_IGN)\n{FOR_EVER}"
    pair.do(**{"worker-0": FOR_EVER, "worker-1": deaf})

    def watch(running: int, of: int) -> None:
        if len(pair.started()) == of:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pair.run(watch)
    wait_until_gone(pair.started())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it")
def test_tasks_end_with_the_process_that_started_them(
    pair: Cluster, how: signal.Signals, tmp_path: pathlib.Path
) -> None:
    pair.do(**{"worker-0": FOR_EVER, "worker-1": FOR_EVER})
    parent = tmp_path / "parent.py"
    parent.write_text(
        f"import sys, pathlib; sys.path[:0] = {[p for p in sys.path if p]!r}\n"
        "from tfx_estimators.estimator.distribution.processes import run_tasks, tasks_of\n"
        "from tfx_estimators.estimator.distribution import MultiWorker\n"
        f"folder = {str(tmp_path)!r}\n"
        "command = lambda task: [sys.executable, folder + '/task_program', folder, task.name]\n"
        "run_tasks(tasks_of(MultiWorker(2)), command, pathlib.Path(folder), lambda *_: None)\n"
    )
    process = subprocess.Popen([sys.executable, str(parent)])
    try:
        deadline = time.monotonic() + 300
        while len(pair.started()) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.kill(process.pid, how)
        process.wait()
    wait_until_gone(pair.started())


LISTENS = """
import socket, sys
with socket.create_server(("", int(sys.argv[1]))) as server:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))):
        print("reached", flush=True)
    sys.stdin.read()
"""


def test_nobody_outside_reaches_a_run_in_the_network_that_the_page_gives_it(
    tmp_path: pathlib.Path,
) -> None:
    if subprocess.run(["unshare", "-rn", "ip", "link"], capture_output=True).returncode:
        pytest.skip("users may not create namespaces here")
    page = pathlib.Path(__file__).parents[3] / "docs" / "distribution.md"
    (line,) = [line for line in page.read_text().splitlines() if "unshare" in line]
    (tmp_path / "listens.py").write_text(LISTENS)
    (port,) = reserve_ports(1)
    run = f"{sys.executable} {tmp_path}/listens.py {port}"
    command = shlex.split(line.replace("tfx-estimators run PIPELINE", run))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as listening:
        assert listening.stdout is not None
        assert listening.stdout.readline() == "reached\n"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    release_ports([port])
