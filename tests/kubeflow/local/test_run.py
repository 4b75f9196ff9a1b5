"""`kfp.local` runs small packages; steps are real processes."""

from __future__ import annotations

import functools
import io
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
import yaml
from click.testing import CliRunner
from process_states import has_ended

from tfx_estimators.cli import main
from tfx_estimators.components.progress import Counted, show_progress
from tfx_estimators.components.progress_file import progress_kept_in, read_progress
from tfx_estimators.errors import ContainerError, PipelineError
from tfx_estimators.kubeflow.kubernetes_names import NO_IMAGE
from tfx_estimators.kubeflow.local import run_package
from tfx_estimators.pipelines.display.audience import report, told_to
from tfx_estimators.pipelines.display.json_lines import JsonLines

pytestmark = pytest.mark.stacks


def test_steps_run_in_order_with_their_environment(make_package, outputs, tmp_path) -> None:
    body = (
        "given_thing = given['inputs']['artifacts']['thing']['artifacts'][0]\n"
        "assert pathlib.Path(given_thing['uri']).read_text() == 'made'\n"
        "assert given_thing['metadata']['answer'] == 42\n"
        "assert os.environ['COLOUR'] == 'blue'\n"
    )
    package = make_package(first={}, second={"after": "first", "body": body, "colour": "blue"})
    said: list[str] = []
    report = run_package(package, tmp_path / "root", say=said.append)
    assert list(report.seconds) == ["first", "second"]
    assert any(line.startswith("[2/2] second: done") for line in said)
    (artifact,) = outputs(tmp_path / "root", "second")["artifacts"]["thing"]["artifacts"]
    assert pathlib.Path(artifact["uri"]).read_text() == "made"


def test_who_shows_a_run_hears_of_it_as_of_a_local_one(make_package, tmp_path) -> None:
    counted = {
        "label": "Trainer", "unit": "steps", "done": 40, "total": 40,
        "fields": {"loss": "0.25", "examples/s": "1,000"},
    }  # fmt: skip
    second = (
        f"pathlib.Path(os.environ['TFX_ESTIMATORS_PROGRESS']).write_text({json.dumps(counted)!r})\n"
        "marks = pathlib.Path(out['outputFile']).parent.parent / 'marks'\n"
        "marks.mkdir(exist_ok=True)\n"
        "(marks / os.environ['KFP_POD_NAME']).touch()\n"
        "assert len(list(marks.iterdir())) > 1\n"
    )
    steps = {"first": {"cached": True}, "second": {"after": "first", "body": second, "retries": 1}}
    for _ in range(2):
        stream = io.StringIO()
        with told_to(JsonLines(stream)):
            run_package(make_package(**steps), tmp_path / "root", tell=report)
    heard = [json.loads(line) for line in stream.getvalue().splitlines()]
    facts = [(one["event"], one.get("step"), one.get("outcome")) for one in heard]
    assert [fact for fact in facts if fact[0] != "progress"] == [
        ("step_began", "first", None),
        ("step_ended", "first", "cached"),
        ("step_began", "second", None),
        ("step_runs", "second", None),
        ("message", None, None),
        ("step_runs", "second", None),
        ("step_ended", "second", "done"),
    ]
    (*_, progress, ended) = heard
    assert {name: progress[name] for name in counted} == counted
    assert (ended["number"], ended["total"]) == (2, 2)
    runs = [one for one in heard if one["event"] == "step_runs"]
    assert [pathlib.Path(one["log"]).name for one in runs] == ["second.1.txt", "second.2.txt"]


def test_a_step_keeps_how_far_it_is_in_a_file(tmp_path) -> None:
    file = tmp_path / "progress"
    assert read_progress(file) is None
    with progress_kept_in(file), show_progress("Trainer", "steps", 300) as progress:
        for step in range(1, 301):
            progress.reach(step, loss=f"{1 / step:.4f}")
    assert read_progress(file) == Counted("Trainer", "steps", 300, 300, {"loss": "0.0033"})
    nowhere = tmp_path / "nowhere" / "progress"
    with progress_kept_in(nowhere), show_progress("Trainer", "steps", 1) as progress:
        progress.reach(1)


def test_a_step_is_tried_again_from_nothing(make_package, tmp_path) -> None:
    body = (
        "here = pathlib.Path(out['outputFile']).parent\n"
        "marks = here.parent / 'marks'\n"
        "marks.mkdir(exist_ok=True)\n"
        "(marks / os.environ['KFP_POD_NAME']).touch()\n"
        "tried = len(list(marks.iterdir()))\n"
        "(logs,) = out['artifacts']['executor-logs']['artifacts']\n"
        "assert pathlib.Path(logs['uri']).name == f'executor-logs-{tried - 1}'\n"
        "(found,) = here.iterdir()\n"
        "assert str(found) == logs['uri'], 'left by the attempt before'\n"
        "if tried < 3:\n"
        "    (here / 'thing').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    said: list[str] = []
    package = make_package(first={"body": body, "retries": 2})
    report = run_package(package, tmp_path, say=said.append)
    assert report.retries == {"first": 2}
    assert sum("killed by SIGKILL" in line for line in said) == 2


@pytest.mark.parametrize("version", ["2.5", "2.14", "2.17"])
def test_a_step_finds_what_the_backend_gives(make_package, tmp_path, monkeypatch, version) -> None:
    """Facts of these versions of Kubeflow Pipelines as installed by default."""
    monkeypatch.setenv("KFP_RUN_ID", "of another one")
    newest = version == "2.17"
    body = (
        f"newest = {newest}\n"
        "import uuid\n"
        "(thing,) = out['artifacts']['thing']['artifacts']\n"
        "(logs,) = out['artifacts']['executor-logs']['artifacts']\n"
        "assert thing.get('name') == ('thing' if newest else None)\n"
        "thing = pathlib.Path(thing['uri'])\n"
        "print('said first', flush=True)\n"
        "assert pathlib.Path(logs['uri']).read_text() == 'said first\\n'\n"
        "assert pathlib.Path(logs['uri']).parent == thing.parent\n"
        "assert thing.parent.joinpath('executor-logs-0').exists() == newest\n"
        "assert logs['type'] == {'schemaTitle': 'system.Artifact'}\n"
        "uuid.UUID(thing.parent.name)\n"
        "assert (thing.name, thing.parent.parent.name) == ('thing', sys.argv[3][:-9])\n"
        "answer = out['outputFile']\n"
        "assert (pathlib.Path(answer).parent == thing.parent) == newest\n"
        "assert answer.endswith('/tmp/kfp_outputs/output_metadata.json') != newest\n"
        "assert not os.path.exists(answer)\n"
        "assert 'KFP_RUN_ID' not in os.environ\n"
        "for held in given.get('inputs', {}).get('artifacts', {}).values():\n"
        "    assert held['artifacts'][0]['type'] == {'instanceSchema': ''}\n"
        "    noted = held['artifacts'][0]['metadata']\n"
        "    assert set(noted) == {'answer', 'display_name', 'store_session_info'}\n"
    )
    package = make_package(first={"body": body}, second={"after": "first", "body": body})
    run_package(package, tmp_path / "root", version=version, say=lambda line: None)
    # The launcher's own, and found where one looks for it.
    (thing,) = (tmp_path / "root").glob("artifacts/small-*/second/thing")
    assert thing.read_text() == "made"
    assert not list(thing.parent.glob("executor-logs*"))


@pytest.mark.parametrize("scheme", ["minio", "s3", "gs"])
def test_a_step_sees_copies_of_its_own_inputs_alone(make_package, tmp_path, scheme) -> None:
    """What the launcher does where the pipeline root is a bucket."""
    folder = {"minio": "minio", "s3": "s3", "gs": "gcs"}[scheme]
    body = (
        "import os\n"
        f"copies = pathlib.Path(os.environ['TFX_ESTIMATORS_LAUNCHER_COPIES'], {folder!r})\n"
        "def here(uri):\n"
        f"    assert uri.startswith('{scheme}://bucket/v2/small-'), uri\n"
        "    return copies / uri.partition('://')[2]\n"
        "thing = here(out['artifacts']['thing']['artifacts'][0]['uri'])\n"
        "assert pathlib.Path(out['outputFile']).parent == thing.parent, out['outputFile']\n"
        "inputs = given.get('inputs', {}).get('artifacts', {})\n"
        "seen = [here(held['artifacts'][0]['uri']) for held in inputs.values()]\n"
        "logs = here(out['artifacts']['executor-logs']['artifacts'][0]['uri'])\n"
        "files = {path for path in copies.rglob('*') if path.is_file()}\n"
        "assert files == {logs, *(one / 'data' / 'part' for one in seen)}, files\n"
        "(thing / 'data').mkdir(parents=True)\n"
        "(thing / 'empty').mkdir()\n"
        "(thing / 'data' / 'part').write_text(sys.argv[3])\n"
        "artifact = dict(out['artifacts']['thing']['artifacts'][0])\n"
        "pathlib.Path(out['outputFile']).write_text(\n"
        "    json.dumps({'artifacts': {'thing': {'artifacts': [artifact]}}}))\n"
        "sys.exit(0)\n"
    )
    steps = {
        "first": {"body": body, "cached": True},
        "second": {"body": body, "after": "first"},
    }
    said: list[str] = []
    for _ in range(2):
        root = f"{scheme}://bucket/v2"
        run_package(make_package(**steps), tmp_path / "root", pipeline_root=root, say=said.append)
    assert "[1/2] first: from the cache" in said
    (part, *_) = (tmp_path / "root").glob("artifacts/small-*/second/*/thing/data/part")
    assert part.read_text() == "second.Executor"
    assert not list((tmp_path / "root").rglob("empty"))
    assert not (tmp_path / "root" / "launcher").exists()


def test_what_was_made_before_comes_from_the_cache(make_package, tmp_path) -> None:
    body = (
        f"with open({str(tmp_path / 'ran')!r}, 'a') as file:\n"
        "    file.write(sys.argv[3] + ' ')\n"
    )  # fmt: skip
    steps = {
        "first": {"body": body, "cached": True},
        "second": {"body": body, "after": "first", "cached": True},
        "third": {"body": body, "after": "second"},
    }
    said: list[str] = []

    def ran(claim: str | None = None, **changes) -> str:
        (tmp_path / "ran").write_text("")
        package = make_package(**steps, **changes)
        if claim is not None:
            executors = {"exec-second": {"pvcMount": [{"constant": claim, "mountPath": "/x"}]}}
            platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
            package.write_text(f"{package.read_text()}---\n{yaml.safe_dump(platform)}")
        run_package(package, tmp_path / "root", say=said.append)
        return (tmp_path / "ran").read_text().replace(".Executor", "")

    assert ran() == "first second third "
    assert ran() == "third "
    assert "[1/3] first: from the cache" in said
    assert ran(claim="another") == "second third "
    steps["first"] = {"body": body}  # As an ExampleGen: its examples are others every time.
    assert ran() == "first second third "
    steps["first"] = {"body": body, "cached": True}
    # Without an image nothing tells whether the code of a step is the same.
    assert ran(image=NO_IMAGE) == "first second third "
    assert ran(image=NO_IMAGE) == "first second third "


def test_retries_end_when_argo_ends_them(make_package, tmp_path) -> None:
    package = make_package(first={"body": "sys.exit(7)", "retries": 5})
    spec = yaml.safe_load(package.read_text())
    spec["root"]["dag"]["tasks"]["first"]["retryPolicy"]["backoffMaxDuration"] = "0.001s"
    package.write_text(yaml.safe_dump(spec))
    with pytest.raises(PipelineError, match="first failed"):
        run_package(package, tmp_path / "root", say=lambda line: None)
    assert len(list((tmp_path / "root").glob("artifacts/small-*/logs/first.*.txt"))) == 1


def test_a_failure_names_step_last_lines_and_log(make_package, tmp_path) -> None:
    body = "print('it is the weather')\nsys.exit(7)"
    package = make_package(first={"body": body, "retries": 1}, second={"after": "first"})
    with pytest.raises(PipelineError, match="first failed \\(exit code 7\\)") as caught:
        run_package(package, tmp_path, say=lambda line: None)
    assert "| it is the weather" in str(caught.value)
    (log,) = tmp_path.glob("artifacts/small-*/logs/first.2.txt")
    assert str(log) in str(caught.value)
    assert not list(tmp_path.glob("artifacts/small-*/second"))


def test_a_command_that_is_not_there_is_a_failure(make_package, tmp_path) -> None:
    package = make_package(first={"command": ["no-such-program"]})
    with pytest.raises(PipelineError, match="no-such-program cannot be started"):
        run_package(package, tmp_path, say=lambda line: None)


def test_what_kfp_refuses_is_said(make_package, tmp_path) -> None:
    package = make_package(first={})
    package.write_text(package.read_text() + "nonsense: 1\n")
    with pytest.raises(PipelineError, match="could not be run") as caught:
        run_package(package, tmp_path, say=lambda line: None)
    assert str(tmp_path / "kubeflow-local.log") in str(caught.value)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ending_a_run_ends_its_step(make_package, runner_program, tmp_path, number) -> None:
    body = (
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "import time; time.sleep(600)"
    )
    command = [*runner_program, str(make_package(first={"body": body})), str(tmp_path / "root")]
    # A shell has what it runs in the background ignore SIGINT.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=heed) as run:
        _wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        step = int((tmp_path / "pid").read_text())
        run.send_signal(number)
        assert run.wait(300) != 0
    _wait_for(lambda: has_ended(step))
    # After a kill, what watches over the run removes it when the step has ended.
    _wait_for(lambda: not list((tmp_path / "root").glob("artifacts/small-*/first/*")))


def test_containers_without_podman(make_package, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ContainerError, match="no podman"):
        run_package(make_package(first={}), tmp_path / "root", containers=True)
    assert not (tmp_path / "root").exists()


def test_containers_without_their_image(make_package, tmp_path, monkeypatch) -> None:
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\nexit 1\n")
    podman.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ContainerError, match="an/image is not on this machine"):
        run_package(make_package(first={}), tmp_path / "root", containers=True)
    with pytest.raises(ContainerError, match="has no image"):
        run_package(make_package(image=NO_IMAGE, first={}), tmp_path / "root", containers=True)
    assert not (tmp_path / "root").exists()


def _wait_for(condition) -> None:
    until = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < until, "it did not come about in five minutes"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--containers"], "--containers: the runner local does not accept it"),
        (["--image", "i"], "--image: the runner local does not accept it"),
    ],
)
def test_options_that_would_not_be_heeded_are_refused(options, said, tmp_path) -> None:
    answer = CliRunner().invoke(main, ["run", "taxi", "--root", str(tmp_path / "root"), *options])
    assert answer.exit_code == 1
    assert said in answer.output
