"""What we hand to Kubernetes, held against the official schemas.

Core objects: the Kubernetes OpenAPI of a named version, as `kubernetes-validate` carries
it. TFJob and InferenceService: the CRDs of the released training operator and KServe.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tfx_estimators.components.resources import (
    Accelerator,
    Claim,
    ConfigMap,
    NodeAffinity,
    Resources,
    Secret,
    Toleration,
)
from tfx_estimators.estimator.distribution import MultiWorker, ParameterServer
from tfx_estimators.kubeflow.jobs.interface import Job
from tfx_estimators.kubeflow.jobs.pods import pod_settings
from tfx_estimators.kubeflow.jobs.tfjob import manifest as tfjob_manifest
from tfx_estimators.kubeflow.serving.kserve_resource import changed, fresh
from tfx_estimators.kubeflow.serving.service import InferenceService, ServiceSettings

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "kubeflow" / "manifests"
KUBERNETES = "1.34"

EVERYTHING = Resources(
    cpu="4",
    memory="16Gi",
    accelerator=Accelerator("nvidia.com/gpu", 2),
    node_selector={"pool": "gpu"},
    tolerations=[Toleration("gpu", "yes", "NoSchedule"), Toleration(seconds=60)],
    affinity=[NodeAffinity("zone", ["a", "b"]), NodeAffinity("fast", weight=5)],
    shared_memory="2Gi",
    volumes=[
        Claim("checkpoints", "/volume"),
        Secret("token", "/secrets", {"key": "TOKEN"}),
        ConfigMap("settings", None, {"level": "LEVEL"}),
    ],
    environment={"SEED": "1"},
    image="registry/taxi:1",
)


def job(policy: Any, resources: Resources = EVERYTHING) -> dict[str, Any]:
    wanted = Job(
        name="train-1", replicas=policy.tasks(), command=["python", "-m", "x", "/volume/job"],
        pod=pod_settings(resources, "registry/other:1"), labels={"a": "b"},
    )  # fmt: skip
    return tfjob_manifest(wanted, "team")


@pytest.mark.parametrize("policy", [MultiWorker(2), ParameterServer(2)])
@pytest.mark.parametrize("resources", [EVERYTHING, Resources()])
def test_pods_of_a_job_are_pods(policy: Any, resources: Resources) -> None:
    for kind, spec in job(policy, resources)["spec"]["tfReplicaSpecs"].items():
        pod = {"apiVersion": "v1", "kind": "Pod", **spec["template"]}
        pod["metadata"] = {"name": "p", **pod["metadata"]}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
        (container,) = pod["spec"]["containers"]
        assert container["name"] == "tensorflow"
        limits = container.get("resources", {}).get("limits", {})
        # What holds variables or evaluates needs no devices.
        assert ("nvidia.com/gpu" in limits) == (
            resources is EVERYTHING and kind in ("Chief", "Worker")
        )


@pytest.mark.slow
def test_jobs_fit_the_released_crd() -> None:
    import crds

    tfjob = crds.schema(crds.tfjobs(), "v1")
    for policy in (MultiWorker(2), ParameterServer(2)):
        _check(job(policy), tfjob)
    with pytest.raises(jsonschema.ValidationError):
        _check({**job(MultiWorker(2)), "spec": {"tfReplicaSpecs": {"Worker": {"replicas": "2"}}}},
               tfjob)  # fmt: skip


@pytest.mark.slow
def test_services_fit_the_released_crd() -> None:
    import crds

    schema = crds.schema(crds.inference_services(), "v1beta1")
    service = InferenceService(
        "taxi", canary_percent=5, resources=EVERYTHING, service_account="reader", max_replicas=3
    )
    settings = ServiceSettings.from_json(service.to_json())
    first = fresh(settings, "team", "pvc://checkpoints/1")
    _check(first, schema)
    second = changed(first, settings, "pvc://checkpoints/2")
    assert second["spec"]["predictor"]["canaryTrafficPercent"] == 5
    _check(second, schema)
    with pytest.raises(jsonschema.ValidationError):
        _check({**first, "spec": {"predictor": {"replicas": 1}}}, schema)


def _check(thing: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.validate(thing, _closed(schema))


def _closed(schema: Any) -> Any:
    """The same, with unknown fields refused: a server would drop them in silence."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("anyOf", None)
        closed["type"] = ["integer", "string"]
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not open_ended:
        if schema["properties"].keys() >= {"apiVersion", "kind"}:
            closed["properties"]["metadata"] = {}
        closed.setdefault("additionalProperties", False)
    return closed


def _documents() -> list[dict[str, Any]]:
    """Rendered by kubectl where there is one, else by reading the kustomization: it lists
    files and sets the namespace.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is not None:
        rendered = subprocess.run([kubectl, "kustomize", str(MANIFESTS)], check=True,
                                  capture_output=True, text=True).stdout  # fmt: skip
        return list(yaml.safe_load_all(rendered))
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
    return [
        document
        for name in kustomization["resources"]
        for document in yaml.safe_load_all((MANIFESTS / name).read_text())
    ]


def test_manifests_are_what_kubernetes_takes() -> None:
    documents = _documents()
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    kinds = {document["kind"] for document in documents}
    assert kinds == {
        "Namespace", "ServiceAccount", "Role", "RoleBinding", "PersistentVolumeClaim",
        "Deployment", "Service",
    }  # fmt: skip
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in MANIFESTS.iterdir()}


def check_it_has_no_rights(pod: dict[str, Any]) -> None:
    """By the "restricted" Pod Security Standard, and with a root that is read-only.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert all("hostPath" not in volume for volume in pod.get("volumes", ()))
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        # What is written beside the claims: caches at home, and temporary files.
        variables = {one["name"]: one.get("value") for one in container["env"]}
        places = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert places.count("/tmp") == 1
        assert variables["HOME"] == "/tmp"


@pytest.mark.parametrize("policy", [MultiWorker(2), ParameterServer(2)])
@pytest.mark.parametrize(
    "resources", [EVERYTHING, Resources(), Resources(volumes=[Claim("fast", "/tmp")])]
)
def test_pods_of_a_job_have_no_rights(policy: Any, resources: Resources) -> None:
    for spec in job(policy, resources)["spec"]["tfReplicaSpecs"].values():
        check_it_has_no_rights(spec["template"]["spec"])


def test_a_home_of_ones_own_is_kept() -> None:
    pods = job(MultiWorker(2), Resources(environment={"HOME": "/volume/home"}))
    for spec in pods["spec"]["tfReplicaSpecs"].values():
        (container,) = spec["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "HOME", "value": "/volume/home"}]


def test_deployments_have_no_rights() -> None:
    (deployment,) = (d for d in _documents() if d["kind"] == "Deployment")
    check_it_has_no_rights(deployment["spec"]["template"]["spec"])


def test_the_role_has_the_rights_that_are_asked_for_and_no_others() -> None:
    (role,) = (document for document in _documents() if document["kind"] == "Role")
    given = {
        (verb, f"{resource}.{group}".rstrip("."))
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    # Every call says what it needs, for the error where it is refused.
    text = "\n".join(path.read_text() for path in (ROOT / "kubeflow").rglob("cluster.py"))
    needs = " ".join(re.findall(r'explained\(.*?, "([^"]+)"\)', text))
    asked = set(re.findall(r"(create|get|list|update|patch|watch|delete) ([a-z./]+)", needs))
    assert asked == given


def test_the_dockerfile_knows_every_stack() -> None:
    dockerfile = (ROOT / "kubeflow" / "images" / "Dockerfile").read_text()
    assert "USER 1000" in dockerfile
    for stack in ("legacy", "default", "current"):
        assert (ROOT / "requirements" / f"{stack}.txt").is_file()


def test_the_image_has_what_the_package_needs() -> None:
    text = (ROOT / "setup.py").read_text()
    asked = re.search(r"install_requires=\[(.*?)\n    \],", text, re.DOTALL)
    assert asked is not None
    needed = set(re.findall(r'^ *"([a-z][a-z0-9-]*)', asked[1], re.MULTILINE))
    listed = (ROOT / "kubeflow" / "images" / "runtime.in").read_text()
    found = set(re.findall(r"^([a-z][a-z0-9-]*)", listed, re.MULTILINE))
    assert len(needed) > 8
    # TFX is in each stack's own list; reports and displays are made by commands, not by steps.
    assert needed - found == {"tfx", "jinja2", "markupsafe", "matplotlib", "rich"}
