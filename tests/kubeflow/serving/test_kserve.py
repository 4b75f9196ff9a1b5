"""An InferenceService's life, against a stand-in for the API server and the real one.

In the quick tests `Controller` writes what KServe would report into the status, as its own
code does (KServe 0.15, Knative mode). KServe's own controller runs in one slow test.
"""

from __future__ import annotations

import json
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from cluster_player import ClusterPlayer
from kube_apiserver import KubeApiserver
from kubernetes_server import KubernetesServer

from tfx_estimators.cli import main
from tfx_estimators.components.resources import Accelerator, Claim, Resources
from tfx_estimators.errors import ClusterError, PushError, UnsupportedOptionError
from tfx_estimators.kubeflow.serving.cluster import ClusterServices
from tfx_estimators.kubeflow.serving.executor import serve
from tfx_estimators.kubeflow.serving.kserve_resource import GROUP, PLURAL, VERSION, place, share
from tfx_estimators.kubeflow.serving.rollout import Rollout, look, promote, roll_back
from tfx_estimators.kubeflow.serving.service import InferenceService, ServiceSettings
from tfx_estimators.kubeflow.serving.version_folder import VersionFolder

MANIFESTS = pathlib.Path(__file__).resolve().parents[3] / "kubeflow" / "manifests"
NAMESPACE = "default"
WHERE = {"group": GROUP, "version": VERSION, "plural": PLURAL, "namespace": NAMESPACE}


class Controller(ClusterPlayer):
    """Plays KServe's: each new model is a revision, ready unless its uri is in `broken`."""

    def __init__(self, api: Any) -> None:
        from kubernetes import client

        super().__init__(seconds_between_looks=0.02)
        self._objects = client.CustomObjectsApi(api)
        self.broken: set[str] = set()

    def _look(self) -> None:
        for one in self._objects.list_namespaced_custom_object(**WHERE)["items"]:
            self._look_after(one)

    def _look_after(self, service: dict[str, Any]) -> None:
        status = service.get("status") or {}
        seen = status.get("annotations") or {}
        model = json.dumps(service["spec"]["predictor"]["model"], sort_keys=True)
        if seen.get("model") == model:
            return
        count = status.get("observedGeneration", 0) + 1
        revision, broken = f"taxi-{count}", place(service) in self.broken
        before = (status.get("components") or {}).get("predictor", {}).get("latestReadyRevision")
        predictor = {
            "latestCreatedRevision": revision,
            "latestReadyRevision": before if broken else revision,
        }
        failure = {"reason": "ModelLoadFailed", "message": "no versions of servable taxi found"}
        service["status"] = {
            "annotations": {"model": model},
            "observedGeneration": count,
            "url": "http://taxi.default.example.com",
            "components": {"predictor": {k: v for k, v in predictor.items() if v}},
            "conditions": [{"type": "Ready", "status": "False" if broken else "True"}],
            "modelStatus": {
                "transitionStatus": "BlockedByFailedLoad" if broken else "UpToDate",
                **({"lastFailureInfo": failure} if broken else {}),
            },
        }
        self._again_after_a_conflict(
            lambda: self._objects.replace_namespaced_custom_object_status(
                **WHERE, name=service["metadata"]["name"], body=service
            )
        )


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Any]:
    if request.param == "stand-in":
        with KubernetesServer() as stand_in:
            yield stand_in
        return
    import crds

    folder = tmp_path / "apiserver"
    folder.mkdir()
    with KubeApiserver(folder) as real:
        crds.install(real.api(), crds.inference_services())
        crds.permit(real.api(), MANIFESTS, "step", NAMESPACE)
        yield real


@pytest.fixture
def services(server: Any) -> ClusterServices:
    """As the step's service account, which may do no more than it has to."""
    api = server.api("step") if isinstance(server, KubeApiserver) else server.api()
    return ClusterServices(api, NAMESPACE)


@pytest.fixture
def push(tmp_path: pathlib.Path) -> Callable[[int], str]:
    """Makes a version as EstimatorPusher does."""

    def push(version: int) -> str:
        folder = tmp_path / "volume" / "serving" / str(version)
        (folder / "variables").mkdir(parents=True, exist_ok=True)
        (folder / "saved_model.pb").write_text(f"graph {version}")
        (folder / "variables" / "variables.index").write_text("index")
        return str(folder)

    return push


def asked(tmp_path: pathlib.Path, **fields: Any) -> ServiceSettings:
    claim = Claim("checkpoints", f"{tmp_path}/volume/")
    service = InferenceService("taxi", claim=claim, **{"seconds": 120, **fields})
    return ServiceSettings.from_json(service.to_json())


def uri(version: int) -> str:
    return f"pvc://checkpoints/serving/.kserve/default.taxi/{version}"


def test_a_service_goes_from_version_to_version_and_back(
    server: Any,
    services: ClusterServices,
    push: Callable[[int], str],
    tmp_path: pathlib.Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = asked(tmp_path, canary_percent=10)
    kept = tmp_path / "volume" / "serving" / ".kserve" / "default.taxi"
    with Controller(server.api()) as controller:
        assert serve(services, settings, push(1), 0.05) == Rollout(uri(1), 100, None, new=True)
        # TensorFlow Serving looks for a number in the folder that it is given.
        assert (kept / "1" / "1" / "saved_model.pb").read_text() == "graph 1"
        before = services.get("taxi")
        assert not serve(services, settings, push(1), 0.05).new
        after = services.get("taxi")
        assert before
        assert after
        assert before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]

        assert serve(services, settings, push(2), 0.05) == Rollout(uri(2), 10, uri(1), new=True)
        assert promote(services, "taxi", 50).percent == 50
        # A step that is done again takes nothing back.
        assert serve(services, settings, push(2), 0.05) == Rollout(uri(2), 50, uri(1), new=False)
        assert promote(services, "taxi").percent == 100
        assert not promote(services, "taxi").new
        assert serve(services, settings, push(2), 0.05).percent == 100

        serve(services, settings, push(3), 0.05)
        assert roll_back(services, "taxi") == Rollout(uri(3), 0, uri(2), new=True)
        assert not roll_back(services, "taxi").new
        assert serve(services, settings, push(3), 0.05).percent == 0
        # The next canary shares with what was good, not with what was refused.
        assert serve(services, settings, push(4), 0.05) == Rollout(uri(4), 10, uri(2), new=True)
        assert sorted(path.name for path in kept.iterdir()) == ["2", "4"]
        promote(services, "taxi")
        assert roll_back(services, "taxi") == Rollout(uri(2), 100, None, new=True)
        assert serve(services, settings, push(4), 0.05) == Rollout(uri(2), 100, None, new=False)
        assert "was rolled back" in capfd.readouterr().err
        with pytest.raises(PushError, match="taxi has no version before"):
            roll_back(services, "taxi")
        with pytest.raises(PushError, match="only one version"):
            promote(services, "taxi", 50)

        controller.broken.add(uri(5))
        with pytest.raises(PushError, match=r"no versions of servable(?s:.*)rolled back to"):
            serve(services, settings, push(5), 0.05)
        live = services.get("taxi")
        assert live
        assert (place(live), share(live)) == (uri(2), None)


def test_somebody_elses_write_is_not_lost(
    server: Any, services: ClusterServices, push: Callable[[int], str], tmp_path: pathlib.Path
) -> None:
    from kubernetes import client

    settings = asked(tmp_path)
    objects = client.CustomObjectsApi(server.api())
    with Controller(server.api()):
        serve(services, settings, push(1), 0.05)
        read = services.get
        meddled: list[str] = []

        def get(name: str) -> dict[str, Any] | None:
            found = read(name)
            if found and not meddled and place(found) == uri(1):
                meddled.append(name)
                note = {"metadata": {"annotations": {"team": "fares"}}}
                objects.patch_namespaced_custom_object(**WHERE, name=name, body=note)
            return found

        services.get = get  # type: ignore[method-assign]
        (tmp_path / "2").mkdir()
        VersionFolder(push(2), "default.taxi", settings.claim).make()
        from tfx_estimators.kubeflow.serving.rollout import roll_out

        assert roll_out(services, settings, uri(2), lambda line: None, 0.05).new
    live = read("taxi")
    assert live
    assert place(live) == uri(2)
    assert live["metadata"]["annotations"]["team"] == "fares"


def test_other_settings_keep_the_share(
    server: Any, services: ClusterServices, push: Callable[[int], str], tmp_path: pathlib.Path
) -> None:
    with Controller(server.api()):
        serve(services, asked(tmp_path, canary_percent=10), push(1), 0.05)
        serve(services, asked(tmp_path, canary_percent=10), push(2), 0.05)
        promote(services, "taxi", 30)
        gpu = Resources(memory="4Gi", accelerator=Accelerator("nvidia.com/gpu"))
        larger = asked(tmp_path, canary_percent=10, resources=gpu, max_replicas=3)
        assert serve(services, larger, push(2), 0.05) == Rollout(uri(2), 30, uri(1), new=True)
    live = services.get("taxi")
    assert live
    assert live["spec"]["predictor"]["model"]["resources"]["limits"] == {
        "memory": "4Gi",
        "nvidia.com/gpu": "1",
    }


def test_nothing_is_made_where_the_cluster_refuses(
    push: Callable[[int], str], tmp_path: pathlib.Path
) -> None:
    settings = asked(tmp_path)
    with KubernetesServer() as server:
        services = ClusterServices(server.api(), NAMESPACE)
        server.forbidden = {("get", PLURAL)}
        with pytest.raises(ClusterError, match="permission to get inferenceservices"):
            serve(services, settings, push(1), 0.05)
        assert not (tmp_path / "volume" / "serving" / ".kserve").exists()
        server.forbidden = {("create", PLURAL)}
        with pytest.raises(ClusterError, match="permission to create inferenceservices"):
            serve(services, settings, push(1), 0.05)
        assert not server.objects
        server.forbidden = set()
        made = {"metadata": {"name": "taxi"}, "spec": {"predictor": {}}}
        services.create(made)
        with pytest.raises(PushError, match="made by somebody else"):
            serve(services, settings, push(1), 0.05)
        with pytest.raises(PushError, match="made by somebody else"):
            roll_back(services, "taxi")
    # On a connection of its own: one that is open still gets answers.
    with pytest.raises(ClusterError, match="does not answer"):
        serve(ClusterServices(server.api(), NAMESPACE), settings, push(1), 0.05)


@pytest.mark.slow
def test_an_account_without_rights_is_told_which(
    push: Callable[[int], str], tmp_path: pathlib.Path
) -> None:
    import crds

    folder = tmp_path / "apiserver"
    folder.mkdir()
    with KubeApiserver(folder) as real:
        services = ClusterServices(real.api("step"), NAMESPACE)
        with pytest.raises(ClusterError, match="permission to get inferenceservices"):
            serve(services, asked(tmp_path), push(1), 0.05)
        crds.permit(real.api(), MANIFESTS, "step", NAMESPACE)
        with pytest.raises(ClusterError, match="install the training operator"):
            serve(services, asked(tmp_path), push(1), 0.05)


def test_time_that_is_over_puts_back_what_was_there(
    push: Callable[[int], str], tmp_path: pathlib.Path
) -> None:
    with KubernetesServer() as server:
        services = ClusterServices(server.api(), NAMESPACE)
        with Controller(server.api()):
            serve(services, asked(tmp_path), push(1), 0.05)
        # Nobody looks after it any more.
        with pytest.raises(PushError, match="is not serving after 1 s"):
            serve(services, asked(tmp_path, seconds=1, canary_percent=5), push(2), 0.05)
        live = services.get("taxi")
        assert live
        assert (place(live), share(live)) == (uri(1), None)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "My_taxi"},
        {"name": "1-taxi"},
        {"name": "t" * 54},
        {"canary_percent": 0},
        {"canary_percent": 100},
        {"min_replicas": -1},
        {"max_replicas": 0},
        {"seconds": 0},
    ],
)
def test_what_kserve_would_not_take_is_refused_at_once(fields: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOptionError, match="fix:"):
        InferenceService(**{"name": "taxi", **fields})


def test_a_place_that_kserve_does_not_see_is_refused(tmp_path: pathlib.Path) -> None:
    bucket = VersionFolder("gs://bucket/serving/7", "team.taxi", None)
    assert bucket.uri == "gs://bucket/serving/.kserve/team.taxi/7"
    for pushed, claim in (
        ("/volume/serving/7", None),
        ("/elsewhere/serving/7", ("checkpoints", "/volume")),
        ("minio://bucket/serving/7", None),
    ):
        with pytest.raises(PushError, match="KServe cannot read"):
            VersionFolder(pushed, "team.taxi", claim)
    gone = VersionFolder(f"{tmp_path}/serving/7", "team.taxi", ("checkpoints", str(tmp_path)))
    with pytest.raises(PushError, match="there is no"):
        gone.make()


def test_a_version_in_a_bucket_is_copied_with_its_marker_last(tmp_path: pathlib.Path) -> None:
    # file:// takes the way of buckets, through TensorFlow's file systems.
    version = tmp_path / "serving" / "7"
    (version / "variables").mkdir(parents=True)
    (version / "saved_model.pb").write_text("graph")
    (version / "variables" / "variables.index").write_text("index")
    folder = VersionFolder("gs://x/serving/7", "team.taxi", None)
    for name in ("_pushed", "_siblings", "_folder"):
        setattr(folder, name, getattr(folder, name).replace("gs://x", f"file://{tmp_path}"))
    folder.make()
    folder.make()
    made = tmp_path / "serving" / ".kserve" / "team.taxi" / "7" / "7"
    assert (made / "variables" / "variables.index").read_text() == "index"
    (made.parents[1] / "6").mkdir()
    folder.remove_others([None])
    assert [path.name for path in made.parents[1].iterdir()] == ["7"]


def test_the_commands_show_promote_and_go_back(
    monkeypatch: pytest.MonkeyPatch, push: Callable[[int], str], tmp_path: pathlib.Path
) -> None:
    # The client reads KUBECONFIG once, when it is imported.
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config")
    )
    answer = CliRunner().invoke(main, ["kserve", "promote", "taxi"])
    assert answer.exit_code != 0
    assert "no Kubernetes cluster is configured here" in answer.output
    with KubernetesServer() as server:
        host = server.api().configuration.host
        (tmp_path / "config").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": host}}],
            "users": [{"name": "me", "user": {}}],
            "contexts": [{"name": "here", "context": {
                "cluster": "here", "user": "me", "namespace": NAMESPACE}}],
        }))  # fmt: skip
        services = ClusterServices()
        assert services.namespace == NAMESPACE
        with Controller(server.api()):
            for version in (1, 2):
                serve(services, asked(tmp_path, canary_percent=10), push(version), 0.05)
        answer = CliRunner().invoke(main, ["kserve", "show", "taxi", "--json"])
        shown = json.loads(answer.output)
        assert shown["ready"]
        assert (shown["uri"], shown["traffic_percent"], shown["previous"]) == (uri(2), 10, uri(1))
        answer = CliRunner().invoke(main, ["kserve", "rollback", "taxi"])
        assert f"{uri(2)} gets 0% of the requests" in answer.output
        answer = CliRunner().invoke(main, ["kserve", "promote", "taxi", "--percent", "50"])
        assert f"{uri(1)} gets the rest" in answer.output
        answer = CliRunner().invoke(main, ["kserve", "show", "taxis"])
        assert "there is no InferenceService taxis in default" in answer.output


@pytest.mark.slow
def test_kserves_own_controller_goes_from_version_to_version_and_back(
    push: Callable[[int], str], tmp_path: pathlib.Path
) -> None:
    """In Standard mode, in which KServe 0.15.2 says too early that a version serves."""
    import crds
    from real_kserve import PROGRAM, Deployments, RealKServe

    if not PROGRAM.exists():
        pytest.skip("scripts/kserve.sh builds KServe's controller, in six minutes")
    settings = asked(tmp_path, seconds=240)
    for name in ("apiserver", "kserve"):
        (tmp_path / name).mkdir()
    with KubeApiserver(tmp_path / "apiserver") as server:
        crds.permit(server.api(), MANIFESTS, "step", NAMESPACE)
        services = ClusterServices(server.api("step"), NAMESPACE)
        with (
            RealKServe(server, tmp_path / "kserve"),
            Deployments(server.api(), NAMESPACE) as machines,
        ):
            assert serve(services, settings, push(1), 0.2) == Rollout(uri(1), 100, None, new=True)
            assert not serve(services, settings, push(1), 0.2).new
            with pytest.raises(PushError, match="no version can have 10% of the requests"):
                serve(services, asked(tmp_path, canary_percent=10), push(2), 0.2)
            live = services.get("taxi")
            assert live
            assert place(live) == uri(1)

            machines.held.add(uri(2))
            said: list[bool] = []

            def let_up() -> None:
                while not said:
                    live = services.get("taxi")
                    assert live
                    model = live["status"].get("modelStatus", {})
                    ready = any(
                        (one["type"], one["status"]) == ("Ready", "True")
                        for one in live["status"]["conditions"]
                    )
                    if place(live) == uri(2) and live["status"]["observedGeneration"] > 1:
                        # What KServe itself says while only the version before serves.
                        said.append(ready and model.get("transitionStatus") == "UpToDate")
                        said.append(look(services, "taxi")["ready"])
                    time.sleep(0.1)
                machines.held.clear()

            waiter = threading.Thread(target=let_up)
            waiter.start()
            assert serve(services, settings, push(2), 0.2) == Rollout(uri(2), 100, uri(1), new=True)
            waiter.join()
            assert said == [True, False]
            assert look(services, "taxi")["ready"]

            machines.broken.add(uri(3))
            with pytest.raises(PushError, match="was rolled back to"):
                serve(services, asked(tmp_path, seconds=20), push(3), 0.2)
            live = services.get("taxi")
            assert live
            assert place(live) == uri(2)

            assert roll_back(services, "taxi") == Rollout(uri(1), 100, None, new=True)
            deployment = services.deployment("taxi")
            end = time.monotonic() + 300
            while not look(services, "taxi")["ready"]:
                assert time.monotonic() < end, deployment
                time.sleep(0.2)
