"""The real training operator beside the real API server; see `kube_apiserver`.

What a cluster adds around it is played here: its webhook's secret is mounted. Nobody
calls the webhook, since the API server finds no service here.
"""

from __future__ import annotations

import base64
import fcntl
import pathlib
import signal
import socket
import subprocess
import time
from typing import Any

from kube_apiserver import ROOT, KubeApiserver

from tfx_estimators.estimator.distribution.ports import reserve_ports

_NAMESPACE = "kubeflow"
_SECRET = "training-operator-webhook-cert"
_WEBHOOKS = "validator.training-operator.kubeflow.org"
# The operator looks for its certificate nowhere else, and only when it starts. Other tests may
# start one at the same time.
_CERTIFICATES = pathlib.Path("/tmp/k8s-webhook-server/serving-certs")


class RealTrainingOperator:
    """Runs for the length of a block.

    Args:
        server: knows TFJobs already.
        folder: for its log.
    """

    def __init__(self, server: KubeApiserver, folder: pathlib.Path) -> None:
        self._server, self._folder = server, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.program = ""

    def __enter__(self) -> RealTrainingOperator:
        answer = subprocess.run(
            [str(ROOT / "scripts" / "training_operator.sh")], check=True, stdout=subprocess.PIPE
        )
        self.program = answer.stdout.decode().split()[-1]
        self._prepare()
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop(signal.SIGTERM)

    def start(self) -> None:
        """Starts it, and waits until it has read its certificate."""
        (port,) = reserve_ports(1)
        _CERTIFICATES.mkdir(parents=True, exist_ok=True)
        with (
            _CERTIFICATES.with_name("lock").open("w") as lock,
            (self._folder / "training-operator.log").open("ab") as log,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._process = subprocess.Popen(
                [
                    self.program, f"--kubeconfig={self._folder / 'kubeconfig'}",
                    "--enable-scheme=tfjob", "--metrics-bind-address=0",
                    "--health-probe-bind-address=0", f"--webhook-server-port={port}",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
            self._mount()
            self._await(port)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Ends it."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(300)

    def _prepare(self) -> None:
        from kubernetes import client

        api = self._server.api()
        core = client.CoreV1Api(api)
        core.create_namespace({"metadata": {"name": _NAMESPACE}})
        core.create_namespaced_secret(_NAMESPACE, {"metadata": {"name": _SECRET}})
        service = {"name": "training-operator", "namespace": _NAMESPACE,
                   "path": "/validate-kubeflow-org-v1-tfjob"}  # fmt: skip
        webhook = {
            "name": "validator.tfjob.training-operator.kubeflow.org",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": service},
            "failurePolicy": "Ignore",
            "sideEffects": "None",
            "rules": [
                {"apiGroups": ["kubeflow.org"], "apiVersions": ["v1"],
                 "operations": ["CREATE", "UPDATE"], "resources": ["tfjobs"]}
            ],
        }  # fmt: skip
        client.AdmissionregistrationV1Api(api).create_validating_webhook_configuration(
            {"metadata": {"name": _WEBHOOKS}, "webhooks": [webhook]}
        )
        self._server.kubeconfig(self._folder / "kubeconfig")

    def _mount(self) -> None:
        from kubernetes import client

        core = client.CoreV1Api(self._server.api())
        end = time.monotonic() + 300
        while True:
            made: dict[str, Any] = core.read_namespaced_secret(_SECRET, _NAMESPACE).data or {}
            if "tls.crt" in made:
                break
            assert time.monotonic() < end, self._log()[-3000:]
            time.sleep(0.1)
        for name, content in made.items():
            (_CERTIFICATES / name).write_bytes(base64.b64decode(content))

    def _await(self, port: int) -> None:
        assert self._process is not None
        end = time.monotonic() + 300
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, self._log()[-3000:]
                assert time.monotonic() < end, self._log()[-3000:]
                time.sleep(0.1)

    def _log(self) -> str:
        return (self._folder / "training-operator.log").read_text(errors="replace")
