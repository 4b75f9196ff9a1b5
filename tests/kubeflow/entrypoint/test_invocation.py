"""Command lines of steps."""

from __future__ import annotations

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
