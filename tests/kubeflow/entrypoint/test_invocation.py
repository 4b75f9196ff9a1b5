"""Command lines of steps."""

from __future__ import annotations

import json

import pytest

from tfx_estimators.errors import StepInputError
from tfx_estimators.kubeflow.entrypoint import Invocation, local_path


def test_integers_come_back_from_doubles_and_nulls_go(make_invocation) -> None:
    spec = {"parameters": {"steps": {"parameterType": "NUMBER_INTEGER"}}}
    given = {"steps": 400.0, "rate": 1.0, "name": "x", "none": None}
    read = make_invocation("an.Executor", parameters=given, spec=spec).parameters
    assert read == {"steps": 400, "rate": 1.0, "name": "x"}
    assert isinstance(read["steps"], int)
    assert isinstance(read["rate"], float)


def test_place_is_told_or_taken_from_an_uri(make_invocation, monkeypatch) -> None:
    uri = "minio://bucket/v2/artifacts/taxi/1234-run/trainer/model"
    read = make_invocation("an.Executor", outputs={"model": (uri, None, {})})
    assert (read.pipeline, read.run, read.node) == ("taxi", "1234-run", "trainer")
    assert read.component == "an.Executor"
    monkeypatch.setenv("KFP_RUN_ID", "5678")
    monkeypatch.setenv("KFP_POD_NAME", "a-pod")
    told = ("--tfx_pipeline=p", "--tfx_node=Trainer", "--tfx_component=a.Trainer")
    read = make_invocation("an.Executor", *told, outputs={"model": (uri, None, {})})
    assert (read.pipeline, read.run, read.node) == ("p", "5678", "Trainer")
    assert (read.component, read.attempt) == ("a.Trainer", "a-pod")


# As Kubeflow Pipelines 2.17 writes them for a step with log publishing on; 2.5 does too.
_TASK = "minio://mlpipeline/v2/artifacts/taxi/0f6c1a2e-3d44-4b1c-9a57-2f6a5a0b9c11/Trainer"
_SALT = "7d9e4c55-1b0a-4f0e-8f3e-9f7c1f2d3e4a"


def test_the_run_is_told_from_the_places_that_the_backend_gives(make_invocation) -> None:
    told = ("--tfx_pipeline=taxi", "--tfx_node=Trainer", "--tfx_outputs=model")
    outputs = {
        "model": (f"{_TASK}/{_SALT}/model", None, {}),
        "executor-logs": (f"{_TASK}/{_SALT}/executor-logs", None, {}),
    }
    read = make_invocation("an.Executor", *told, outputs=outputs)
    assert (read.pipeline, read.node) == ("taxi", "Trainer")
    assert read.run == "0f6c1a2e-3d44-4b1c-9a57-2f6a5a0b9c11"
    assert set(read.outputs) == {"model"}
    # Not told what the component's outputs are: by a package of before.
    read = make_invocation("an.Executor", outputs=outputs)
    assert (read.run, set(read.outputs)) == (_TASK.split("/")[-2], {"model"})


def test_a_step_without_outputs_knows_its_run_too(make_arguments) -> None:
    arguments = make_arguments("an.Executor", "--tfx_outputs=")
    place = arguments.index("--json_serialized_invocation_args") + 1
    for folder, run in (
        (f"/minio/{_TASK.removeprefix('minio://')}/{_SALT}", _TASK.split("/")[-2]),
        ("/tmp/kfp_outputs", "unknown"),
    ):
        given = {"outputs": {"outputFile": f"{folder}/output_metadata.json"}}
        arguments[place] = json.dumps(given)
        assert Invocation.parse(arguments).run == run


def test_what_the_component_does_not_put_out_is_the_backends(make_invocation) -> None:
    outputs = {"model": ("/a/b/c/model", None, {}), "more-logs": ("/a/b/c/more-logs", None, {})}
    read = make_invocation("an.Executor", "--tfx_outputs=model", outputs=outputs)
    assert set(read.outputs) == {"model"}


def test_what_is_not_known_is_beams(make_invocation) -> None:
    flags = ("--runner=DirectRunner", "--tfx_n=1", "--executor", "x")
    assert make_invocation("an.Executor", *flags).flags == flags


@pytest.mark.parametrize("text", ["{", "[]", "{{$}}", "{}"])
def test_what_no_backend_hands_over_is_refused(text: str) -> None:
    arguments = ["--executor_class_path", "x.Y", "--json_serialized_invocation_args", text]
    with pytest.raises(StepInputError):
        Invocation.parse(arguments)


def test_local_copies_lie_where_the_launcher_puts_them() -> None:
    assert local_path("gs://b/x") == "/gcs/b/x"
    assert local_path("s3://b/x") == "/s3/b/x"
    assert local_path("minio://b/x") == "/minio/b/x"
    assert local_path("/data/gs://x") == "/data/gs://x"
