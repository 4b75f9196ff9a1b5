"""A training job's whole life: started, followed, failed, taken away, found again, ended.

Against a stand-in for the API server, and in the slow tests against the real one; what
plays the operator is said in `training_operator`.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import time
import types
from collections.abc import Iterator
from typing import Any

import pytest
from kube_apiserver import KubeApiserver
from kubelet import Kubelet
from kubernetes_server import KubernetesServer
from real_training_operator import RealTrainingOperator
from training_operator import TrainingOperator

from tfx_estimators.components.resources import Resources
from tfx_estimators.components.trainer.checkpoints.training import Start
from tfx_estimators.components.trainer.processes import launch as distributed
from tfx_estimators.environment_variables import POD_SETTINGS
from tfx_estimators.errors import ClusterError, TrainingError, TrainingInterruptedError
from tfx_estimators.estimator.distribution import MultiWorker, ParameterServer
from tfx_estimators.estimator.distribution.processes import tasks_of
from tfx_estimators.kubeflow.jobs.cluster import ClusterJobs
from tfx_estimators.kubeflow.jobs.member import own_task
from tfx_estimators.kubeflow.jobs.pods import pod_settings
from tfx_estimators.kubeflow.jobs.starter import JobStarter, job_name

MANIFESTS = pathlib.Path(__file__).resolve().parents[3] / "kubeflow" / "manifests"
NAMESPACE = "default"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiserver]:
    import crds

    with KubeApiserver(tmp_path_factory.mktemp("apiserver")) as server:
        crds.install(server.api(), crds.tfjobs())
        crds.permit(server.api(), MANIFESTS, "step", NAMESPACE)
        yield server


@pytest.fixture(scope="module")
def real_operator(
    real: KubeApiserver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealTrainingOperator]:
    with RealTrainingOperator(real, tmp_path_factory.mktemp("operator")) as operator:
        yield operator


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "real":
        request.getfixturevalue("real_operator")
        yield request.getfixturevalue("real")
        return
    with KubernetesServer() as stand_in:
        yield stand_in


@pytest.fixture
def jobs(server: Any) -> ClusterJobs:
    """As the step's service account, which may do no more than it has to."""
    api = server.api("step") if isinstance(server, KubeApiserver) else server.api()
    return ClusterJobs(api, NAMESPACE)


@pytest.fixture
def training(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the starter asks of a training step."""
    # A real server takes no pod without an image.
    settings = pod_settings(Resources(cpu="1"), "registry/taxi:1")
    monkeypatch.setenv(POD_SETTINGS, json.dumps(settings))
    folder = tmp_path / "volume" / "checkpoints" / "feed"
    folder.mkdir(parents=True)
    # A name of its own: the real server is the same for all tests.
    fingerprint = f"{abs(hash(str(tmp_path))):024x}"
    store = types.SimpleNamespace(folder=str(folder), fingerprint=fingerprint, start=Start())
    return types.SimpleNamespace(
        distribution=MultiWorker(2),
        training=store,
        inputs={},
        outputs={},
        properties={},
        hyperparameters=None,
    )


def run(training: Any, jobs: ClusterJobs, logs: pathlib.Path, watch: Any = None) -> None:
    deadline = time.monotonic() + 900

    def watching(status: Any, running: int, of: int) -> None:
        # Whoever plays the operator may be at its end: what it says of it comes next.
        assert time.monotonic() < deadline
        if watch is not None:
            watch(status, running, of)

    JobStarter(lambda: jobs, seconds=0.1).run_members(
        training, lambda inputs, outputs: '{"step": 1}', logs, watching
    )


def operator(server: Any, tmp_path: pathlib.Path, code: str) -> Any:
    """The operator and its machines; with the real operator the machines alone are played.

    Whose pods run some Python, with FOLDER as argument, instead of their own command."""

    def program(kind: str, index: int, command: list[str]) -> list[str]:
        return ["python", "-c", f"import sys, time, os, pathlib\n{code}", command[-1]]

    if isinstance(server, KubeApiserver):
        return Kubelet(server.api(), NAMESPACE, tmp_path, program)
    return TrainingOperator(server.api(), NAMESPACE, tmp_path, program, server.logs)


def test_a_job_is_followed_to_its_end_and_leaves_its_logs(
    server: Any, jobs: ClusterJobs, training: Any, tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    code = (
        "folder = pathlib.Path(sys.argv[1])\n"
        "assert (folder / 'step.json').read_text() == '{\"step\": 1}'\n"
        "print('hello')\n"
        "(folder / 'worker-0.status').write_text('{\"step\": 7, \"fields\": {}}')\n"
        f"while not pathlib.Path({str(tmp_path / 'seen')!r}).exists(): time.sleep(0.05)\n"
    )

    def watch(*state: Any) -> None:
        # Only once it was told how far the leader is, and that both run, do they end.
        if state == ({"step": 7, "fields": {}}, 2, 2):
            (tmp_path / "seen").touch()

    with operator(server, tmp_path, code):
        run(training, jobs, tmp_path / "logs", watch)
    assert (tmp_path / "seen").exists()
    assert jobs.state(job_name(training)) is None
    names = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert names == ["worker-0.log", "worker-1.log"]
    if isinstance(server, KubernetesServer):  # The real one has no kubelet to ask.
        assert "hello" in (tmp_path / "logs" / "worker-1.log").read_text()
        assert capsys.readouterr().err.count("worker-1 | hello\n") == 1
    assert not pathlib.Path(f"{training.training.folder}.job").exists()


def test_a_failing_process_is_named_and_the_others_end(
    server: Any, jobs: ClusterJobs, training: Any, tmp_path: pathlib.Path
) -> None:
    code = (
        "import json\n"
        "if json.loads(os.environ['TF_CONFIG'])['task']['index'] == 1:\n"
        "    sys.exit('out of memory, says worker 1')\n"
        "time.sleep(600)\n"
    )
    with operator(server, tmp_path, code):
        with pytest.raises(TrainingError, match=r"worker-1 of train-\w+ failed") as caught:
            run(training, jobs, tmp_path / "logs")
        assert jobs.state(job_name(training)) is None
    if isinstance(server, KubernetesServer):
        assert "out of memory, says worker 1" in str(caught.value)


def test_a_machine_that_is_taken_away_is_an_interruption(
    server: Any, jobs: ClusterJobs, training: Any, tmp_path: pathlib.Path
) -> None:
    with operator(server, tmp_path, "time.sleep(600)") as plays:

        def watch(status: Any, running: int, of: int) -> None:
            if running == of:
                plays.evict.add(f"{job_name(training)}-worker-1")

        with pytest.raises(TrainingInterruptedError, match=r"worker-1 of .* lost its machine"):
            run(training, jobs, tmp_path / "logs", watch)
        assert jobs.state(job_name(training)) is None


def test_a_step_that_is_stopped_stops_its_job(
    server: Any, jobs: ClusterJobs, training: Any, tmp_path: pathlib.Path
) -> None:
    code = (
        "import signal, json\n"
        "index = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"
        "def saved(*_):\n"
        f"    pathlib.Path({str(tmp_path)!r}, f'saved-{{index}}').touch()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, saved)\n"
        f"pathlib.Path({str(tmp_path)!r}, f'ready-{{index}}').touch()\n"
        "time.sleep(600)\n"
    )

    def watch(status: Any, running: int, of: int) -> None:
        if (tmp_path / "ready-0").exists() and (tmp_path / "ready-1").exists():
            raise TrainingInterruptedError("stopped by SIGTERM")

    with operator(server, tmp_path, code):
        with pytest.raises(TrainingInterruptedError, match="SIGTERM"):
            run(training, jobs, tmp_path / "logs", watch)
        assert jobs.state(job_name(training)) is None
        assert (tmp_path / "saved-0").exists()
        assert (tmp_path / "saved-1").exists()


def test_sigterm_takes_the_job_along(
    server: Any, jobs: ClusterJobs, training: Any, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A step that is cancelled: its process gets SIGTERM while the job runs."""
    policy = MultiWorker(2)
    training.training.to_json = lambda: "{}"
    training.training.check = lambda: None
    training.train_steps = 10
    handler = signal.getsignal(signal.SIGTERM)

    class Cancelled(JobStarter):
        def run_members(self, *arguments: Any) -> None:
            *rest, watch = arguments
            end = time.monotonic() + 900

            def cancelling(status: Any, running: int, of: int) -> None:
                assert time.monotonic() < end
                if running == of:
                    os.kill(os.getpid(), signal.SIGTERM)
                watch(status, running, of)

            super().run_members(*rest, cancelling)

    monkeypatch.setattr(distributed, "_own_tasks", lambda job: tasks_of(policy))
    monkeypatch.setattr(distributed, "find_starter", lambda: Cancelled(lambda: jobs, 0.1))
    with operator(server, tmp_path, "time.sleep(600)"):
        with pytest.raises(TrainingInterruptedError, match="stopped by SIGTERM in its job"):
            distributed.train_in_processes(training)
        assert jobs.state(job_name(training)) is None
    assert signal.getsignal(signal.SIGTERM) == handler
    assert pathlib.Path(training.training.folder, "logs", "worker-1.log").exists()


def test_a_retry_finds_the_job_of_the_attempt_before(
    server: Any, jobs: ClusterJobs, training: Any, tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    started = tmp_path / "started"
    code = (
        f"with open({str(started)!r}, 'a') as file: file.write('x')\n"
        f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.05)\n"
    )

    class Killed(BaseException):
        """Stands for the end of the step's own pod, which removes nothing."""

    def die(status: Any, running: int, of: int) -> None:
        if running == of:
            raise Killed

    class Dying(ClusterJobs):
        def remove(self, name: str) -> None:
            """Its process is gone."""

    with operator(server, tmp_path, code):
        api = jobs._core.api_client
        with pytest.raises(Killed):
            run(training, Dying(api, NAMESPACE), tmp_path / "logs", die)
        (tmp_path / "go").touch()
        run(training, jobs, tmp_path / "logs")
    assert "found the training job" in capsys.readouterr().err
    assert started.read_text() == "xx"


def test_parameter_servers_are_ended_once_the_others_are_done(
    server: Any, jobs: ClusterJobs, training: Any, tmp_path: pathlib.Path
) -> None:
    training.distribution = ParameterServer(workers=1)
    code = (
        "import json\n"
        "config = json.loads(os.environ['TF_CONFIG'])\n"
        "time.sleep(600 if config['task']['type'] == 'ps' else 1)\n"
    )
    with operator(server, tmp_path, code):
        run(training, jobs, tmp_path / "logs")
        assert jobs.state(job_name(training)) is None
    names = {path.stem for path in (tmp_path / "logs").iterdir()}
    assert names == {"chief-0", "worker-0", "ps-0", "evaluator-0"}


@pytest.mark.slow
def test_a_job_that_never_schedules_says_why_and_is_ended(
    real: KubeApiserver, real_operator: Any, training: Any, tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    jobs = ClusterJobs(real.api("step"), NAMESPACE)
    said: list[str] = []

    def watch(status: Any, running: int, of: int) -> None:
        said.append(capsys.readouterr().err)
        if "Insufficient nvidia.com/gpu" in "".join(said):
            raise TrainingInterruptedError("stopped by SIGTERM")

    with operator(real, tmp_path, "") as plays:
        plays.full = True
        with pytest.raises(TrainingInterruptedError, match="SIGTERM"):
            run(training, jobs, tmp_path / "logs", watch)
        assert jobs.state(job_name(training)) is None
    assert "waiting: worker-0: Unschedulable" in "".join(said)


@pytest.mark.slow
def test_an_operator_that_is_restarted_in_the_middle_is_no_failure(
    real: KubeApiserver, real_operator: Any, training: Any, tmp_path: pathlib.Path
) -> None:
    jobs = ClusterJobs(real.api("step"), NAMESPACE)
    started, go = tmp_path / "started", tmp_path / "go"
    code = (
        f"with open({str(started)!r}, 'a') as file: file.write('x')\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)\n"
    )

    def watch(status: Any, running: int, of: int) -> None:
        if running == of and not go.exists():
            real_operator.stop()
            real_operator.start()
            go.touch()

    with operator(real, tmp_path, code):
        run(training, jobs, tmp_path / "logs", watch)
        assert jobs.state(job_name(training)) is None
    assert started.read_text() == "xx"


def test_what_the_cluster_does_not_permit(training: Any, tmp_path: pathlib.Path) -> None:
    with KubernetesServer() as server:
        jobs = ClusterJobs(server.api(), NAMESPACE)
        server.forbidden = {("create", "tfjobs")}
        with pytest.raises(ClusterError, match=r"the permission to create tfjobs\.kubeflow\.org"):
            run(training, jobs, tmp_path / "logs")
        assert not server.objects
        gone = server.api()
    with pytest.raises(ClusterError, match="the cluster does not answer"):
        run(training, ClusterJobs(gone, NAMESPACE), tmp_path / "logs")


@pytest.mark.slow
def test_the_real_server_refuses_a_stranger(
    real: KubeApiserver, training: Any, tmp_path: pathlib.Path
) -> None:
    jobs = ClusterJobs(real.api("step"), "kube-system")
    with pytest.raises(ClusterError, match=r"tfjobs\.kubeflow\.org .* is forbidden"):
        run(training, jobs, tmp_path / "logs")


def test_checkpoints_that_the_processes_do_not_share(training: Any, tmp_path: pathlib.Path) -> None:
    training.training.folder = "gs://bucket/checkpoints/feed"
    with KubernetesServer() as server:
        with pytest.raises(TrainingError, match="do not share"):
            run(training, ClusterJobs(server.api(), NAMESPACE), tmp_path / "logs")
        assert not server.objects


def test_the_evaluator_is_no_member_of_the_cluster() -> None:
    cluster = {"chief": ["a:1"], "worker": ["b:1"], "evaluator": ["c:1"]}
    written = json.dumps({"cluster": cluster, "task": {"type": "evaluator", "index": 0}})
    name, config = own_task(written)
    assert name == "evaluator-0"
    assert json.loads(config)["cluster"] == {"chief": ["a:1"], "worker": ["b:1"]}
