"""`KServePusher` in a pipeline: compiled, and its executor against a stand-in for the API."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from kubernetes_server import KubernetesServer

from tfx_estimators.components.resources import Claim
from tfx_estimators.errors import PushError, UnsupportedOptionError
from tfx_estimators.kubeflow.serving import InferenceService, KServePusher

pytestmark = pytest.mark.stacks


def channel() -> Any:
    from tfx.types import channel_utils, standard_artifacts

    return channel_utils.as_channel([standard_artifacts.PushedModel()])


def test_it_compiles_into_a_package_beside_its_pusher() -> None:
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts

    from tfx_estimators.components.pusher import EstimatorPusher
    from tfx_estimators.kubeflow.package import compile_pipeline

    model = Importer(
        source_uri="minio://mlpipeline/model", artifact_type=standard_artifacts.Model
    ).with_id("model")
    pusher = EstimatorPusher(model=model.outputs["result"], push_destination="/volume/serving")
    service = InferenceService("taxi", claim=Claim("checkpoints", "/volume"), canary_percent=10)
    server = KServePusher(pushed_model=pusher.outputs["pushed_model"], service=service)
    package = compile_pipeline(
        Pipeline("serve", "minio://mlpipeline/serve", components=[model, pusher, server]),
        image="registry/taxi:1",
    )
    task = package.spec["root"]["dag"]["tasks"]["KServePusher"]
    given = task["inputs"]["artifacts"]["pushed_model"]["taskOutputArtifact"]
    assert given["producerTask"] == "EstimatorPusher"
    said = task["inputs"]["parameters"]["service"]["runtimeValue"]["constant"]
    assert json.loads(said)["claim"] == ["checkpoints", "/volume"]


def run(pushed: Any, service: InferenceService) -> Any:
    from tfx.types import standard_artifacts

    from tfx_estimators.kubeflow.serving.executor import KServeExecutor

    served = standard_artifacts.PushedModel()
    properties = KServePusher(pushed_model=channel(), service=service).exec_properties
    KServeExecutor().Do({"pushed_model": [pushed]}, {"served_model": [served]}, properties)
    return served


def test_its_step_says_what_is_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    from tfx.types import standard_artifacts

    version = tmp_path / "serving" / "7"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_text("graph")
    service = InferenceService("taxi", claim=Claim("checkpoints", str(tmp_path)), seconds=120)
    pushed = standard_artifacts.PushedModel()
    pushed.uri = "/archive"
    pushed.set_int_custom_property("pushed", 0)
    assert run(pushed, service).get_int_custom_property("served") == 0
    pushed.set_int_custom_property("pushed", 1)
    with pytest.raises(PushError, match="does not say where it was pushed"):
        run(pushed, service)
    pushed.set_string_custom_property("pushed_destination", str(version))
    with KubernetesServer() as server:
        monkeypatch.setattr("tfx_estimators.kubeflow.serving.cluster.connect", server.api)
        create = server._create

        def ready(plural: str, body: Any) -> Any:
            # KServe cannot run here: this is what it writes once the model is loaded.
            body["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
            return create(plural, body)

        monkeypatch.setattr(server, "_create", ready)
        monkeypatch.setattr("tfx_estimators.kubeflow.serving.cluster.own_namespace", lambda: "team")
        served = run(pushed, service)
    assert served.get_int_custom_property("served") == 1
    assert served.get_int_custom_property("traffic_percent") == 100
    assert served.get_string_custom_property("service") == "team/taxi"
    assert (
        served.get_string_custom_property("storage_uri")
        == "pvc://checkpoints/serving/.kserve/team.taxi/7"
    )


def test_a_service_that_is_none_is_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="service is 'taxi'"):
        KServePusher(pushed_model=channel(), service="taxi")  # type: ignore[arg-type]
