"""The CRDs of the training operator and of KServe, out of their released Go modules."""

from __future__ import annotations

import http.client
import io
import os
import pathlib
import time
import urllib.request
import zipfile
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
_PROXY = "https://proxy.golang.org"
_TRAINING = ("github.com/kubeflow/training-operator", "v1.9.3",
             "manifests/base/crds/kubeflow.org_tfjobs.yaml")  # fmt: skip
_KSERVE = ("github.com/kserve/kserve", "v0.15.2")
_KSERVE_FILE = "config/crd/full/serving.kserve.io_{}.yaml"


def tfjobs() -> dict[str, Any]:
    """The CRD of TFJobs."""
    return _crd(*_TRAINING)


def inference_services() -> dict[str, Any]:
    """The CRD of InferenceServices."""
    return _crd(*_KSERVE, _KSERVE_FILE.format("inferenceservices"))


def kserve() -> list[dict[str, Any]]:
    """All that KServe's controller looks for."""
    kinds = ("inferenceservices", "trainedmodels", "inferencegraphs", "servingruntimes",
             "clusterservingruntimes", "clusterstoragecontainers")  # fmt: skip
    return [_crd(*_KSERVE, _KSERVE_FILE.format(kind)) for kind in kinds]


def schema(crd: dict[str, Any], version: str) -> dict[str, Any]:
    """The OpenAPI schema of one of its versions."""
    (found,) = (v for v in crd["spec"]["versions"] if v["name"] == version)
    return dict(found["schema"]["openAPIV3Schema"])


def install(api: Any, crd: dict[str, Any]) -> None:
    """Makes a server know the kind, and waits until it does."""
    from kubernetes import client

    extensions = client.ApiextensionsV1Api(api)
    crd = {**crd, "metadata": {"name": crd["metadata"]["name"]}}
    # KServe's asks a webhook for other versions, which nobody answers here.
    crd["spec"].pop("conversion", None)
    extensions.create_custom_resource_definition(crd)
    end = time.monotonic() + 300
    while True:
        found = extensions.read_custom_resource_definition(crd["metadata"]["name"])
        conditions = {c.type: c.status for c in (found.status.conditions or ())}
        if conditions.get("Established") == "True":
            return
        assert time.monotonic() < end
        time.sleep(0.2)


def permit(api: Any, manifests: pathlib.Path, user: str, namespace: str) -> None:
    """Binds a user to the role of our manifests, in place of the service account."""
    from kubernetes import client

    rights = client.RbacAuthorizationV1Api(api)
    for document in yaml.safe_load_all((manifests / "rbac.yaml").read_text()):
        if document["kind"] == "Role":
            rights.create_namespaced_role(namespace, document)
        elif document["kind"] == "RoleBinding":
            subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
            rights.create_namespaced_role_binding(namespace, {**document, "subjects": [subject]})


def _crd(module: str, version: str, name: str) -> dict[str, Any]:
    kept = ROOT / ".stacks" / "crds" / f"{version}-{pathlib.PurePath(name).name}"
    if not kept.is_file():
        content = _fetched(f"{_PROXY}/{module}/@v/{version}.zip")
        archive = zipfile.ZipFile(io.BytesIO(content))
        text = archive.read(f"{module}@{version}/{name}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")  # Several test processes may fetch it.
        fresh.write_bytes(text)
        fresh.replace(kept)
    # A megabyte: libyaml takes a second, where it is there.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    crd: dict[str, Any] = yaml.load(kept.read_text(), Loader=loader)
    return crd


def _fetched(url: str, tries: int = 5) -> bytes:
    """Asked for again after a hiccup of the network."""
    try:
        with urllib.request.urlopen(url, timeout=300) as answer:
            return bytes(answer.read())
    except (OSError, http.client.HTTPException):
        if tries == 1:
            raise
    time.sleep(10)
    return _fetched(url, tries - 1)
