"""KServe's real controller beside the real API server, in its Standard ("RawDeployment") mode.

See `kube_apiserver`. What a cluster adds around it is played here: the certificate of its
webhooks, and the Deployments, whose pods come up as soon as they are asked for.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from typing import Any

import crds
from cluster_player import ClusterPlayer
from kube_apiserver import KubeApiserver

from tfx_estimators.estimator.distribution.ports import reserve_ports

_NAMESPACE = "kserve"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
"""On the pods of a version, where it lies."""

_CONFIG = {
    "deploy": {"defaultDeploymentMode": "RawDeployment"},
    "ingress": {"disableIngressCreation": True, "disableIstioVirtualHost": True,
                "ingressDomain": "example.com", "ingressClassName": "none",
                "ingressGateway": "none/none", "localGateway": "none/none",
                "localGatewayService": "none", "kserveIngressGateway": "none/none",
                "urlScheme": "http",
                "domainTemplate": "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}"},
    "storageInitializer": {"image": "kserve/storage-initializer:latest", "cpuRequest": "100m",
                           "memoryRequest": "100Mi", "cpuLimit": "1", "memoryLimit": "1Gi",
                           "enableDirectPvcVolumeMount": True},
}  # fmt: skip
_RUNTIME = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ClusterServingRuntime",
    "metadata": {"name": "kserve-tensorflow-serving"},
    "spec": {
        "supportedModelFormats": [{"name": "tensorflow", "version": "2", "autoSelect": True}],
        "protocolVersions": ["v1", "grpc-v1"],
        "containers": [
            {"name": "kserve-container", "image": "tensorflow/serving:2.16.1",
             "args": ["--model_base_path=/mnt/models"]}
        ],
    },
}  # fmt: skip


_CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
PROGRAM = _CACHE / "tfx-estimators" / "kserve-controller-v0.15.2"
"""What `scripts/kserve.sh` builds."""


class RealKServe:
    """Runs for the length of a block.

    Args:
        server: knows no kind of KServe's yet.
        folder: for its log and keys.
    """

    def __init__(self, server: KubeApiserver, folder: pathlib.Path) -> None:
        self._server, self._folder = server, folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RealKServe:
        from kubernetes import client

        api = self._server.api()
        for crd in crds.kserve():
            crds.install(api, crd)
        core = client.CoreV1Api(api)
        core.create_namespace({"metadata": {"name": _NAMESPACE}})
        core.create_namespaced_config_map(
            _NAMESPACE,
            {"metadata": {"name": "inferenceservice-config"},
             "data": {name: json.dumps(value) for name, value in _CONFIG.items()}},
        )  # fmt: skip
        client.CustomObjectsApi(api).create_cluster_custom_object(
            "serving.kserve.io", "v1alpha1", "clusterservingruntimes", _RUNTIME
        )
        (port,) = reserve_ports(1)
        certificate = self._certify()
        settings = self._server.kubeconfig(self._folder / "kubeconfig")
        with (self._folder / "kserve.log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM), f"--webhook-port={port}", "--metrics-addr=0",
                 "--health-probe-addr=0"],
                stdout=log, stderr=log,
                # It looks for its certificate below the folder for temporary files.
                env={**os.environ, "KUBECONFIG": str(settings), "TMPDIR": str(self._folder),
                     "POD_NAMESPACE": _NAMESPACE},
            )  # fmt: skip
        self._await(port)
        self._send_to_webhooks(port, certificate)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(300)

    def _certify(self) -> bytes:
        folder = self._folder / "k8s-webhook-server" / "serving-certs"
        folder.mkdir(parents=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-keyout", folder / "tls.key", "-out", folder / "tls.crt", "-subj", "/CN=here",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip
        return (folder / "tls.crt").read_bytes()

    def _await(self, port: int) -> None:
        assert self._process is not None
        end = time.monotonic() + 240
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, self.log()[-3000:]
                assert time.monotonic() < end, self.log()[-3000:]
                time.sleep(0.2)

    def _send_to_webhooks(self, port: int, certificate: bytes) -> None:
        from kubernetes import client

        rules = [
            {"apiGroups": ["serving.kserve.io"], "apiVersions": ["v1beta1"],
             "operations": ["CREATE", "UPDATE"], "resources": ["inferenceservices"]}
        ]  # fmt: skip

        def webhook(name: str, path: str) -> dict[str, Any]:
            url = f"https://127.0.0.1:{port}/{path}-serving-kserve-io-v1beta1-inferenceservice"
            return {
                "name": f"inferenceservice.kserve-webhook-server.{name}",
                "admissionReviewVersions": ["v1", "v1beta1"],
                "clientConfig": {"url": url, "caBundle": base64.b64encode(certificate).decode()},
                "failurePolicy": "Fail", "sideEffects": "None", "rules": rules,
            }  # fmt: skip

        hooks = client.AdmissionregistrationV1Api(self._server.api())
        hooks.create_mutating_webhook_configuration(
            {"metadata": {"name": "kserve"}, "webhooks": [webhook("defaulter", "mutate")]}
        )
        hooks.create_validating_webhook_configuration(
            {"metadata": {"name": "kserve"}, "webhooks": [webhook("validator", "validate")]}
        )

    def log(self) -> str:
        """What the controller said."""
        return (self._folder / "kserve.log").read_text(errors="replace")


class Deployments(ClusterPlayer):
    """Plays the controller of Deployments, the scheduler and the machines, for one pod each.

    A new pod stands beside the one before until it is let up; then the one before goes.

    Args:
        api: an ApiClient with all rights.
        namespace: that it looks after.

    Attributes:
        held: sources of models whose pods do not come up yet.
        broken: sources of models that cannot be loaded.
    """

    def __init__(self, api: Any, namespace: str) -> None:
        from kubernetes import client

        super().__init__(seconds_between_looks=0.1)
        self._apps, self._core = client.AppsV1Api(api), client.CoreV1Api(api)
        self._namespace = namespace
        self._up: dict[str, int] = {}  # by Deployment: the generation that serves
        self.held: set[str] = set()
        self.broken: set[str] = set()

    def _look(self) -> None:
        for one in self._apps.list_namespaced_deployment(self._namespace).items:
            self._again_after_a_conflict(functools.partial(self._look_after, one))

    def _look_after(self, one: Any) -> None:
        name, generation = one.metadata.name, one.metadata.generation
        template = one.spec.template
        source = (template.metadata.annotations or {}).get(SOURCE, "")
        pod = f"{name}-{generation}"
        before = self._up.get(name)
        if before == generation:
            return
        pods = [p.metadata.name for p in self._core.list_namespaced_pod(self._namespace).items]
        if pod not in pods:
            self._core.create_namespaced_pod(
                self._namespace,
                {"metadata": {"name": pod, "labels": template.metadata.labels},
                 "spec": {"containers": [{"name": "kserve-container", "image": "serving"}]}},
            )  # fmt: skip
        up = source not in self.held | self.broken
        if source in self.broken:
            ended = {"exitCode": 1, "reason": "Error", "message": f"no versions in {source}"}
            self._core.patch_namespaced_pod_status(
                pod, self._namespace,
                {"status": {"initContainerStatuses": [
                    {"name": "storage-initializer", "image": "", "imageID": "", "ready": False,
                     "restartCount": 1, "state": {"terminated": ended}}]}},
            )  # fmt: skip
        serving = up or before is not None
        available = {"type": "Available", "status": str(serving), "reason": "Played"}
        self._apps.patch_namespaced_deployment_status(
            name, self._namespace,
            {"status": {
                "observedGeneration": generation, "replicas": 1 if up or before is None else 2,
                "updatedReplicas": 1, "availableReplicas": int(serving),
                "readyReplicas": int(serving), "conditions": [available],
            }},
        )  # fmt: skip
        if up:
            for other in pods:
                if other.startswith(f"{name}-") and other != pod:
                    self._core.delete_namespaced_pod(other, self._namespace, grace_period_seconds=0)
            self._up[name] = generation
