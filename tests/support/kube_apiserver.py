"""The real kube-apiserver over the real etcd, without a controller or a machine behind it."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from typing import Any

from tfx_estimators.estimator.distribution.ports import reserve_ports

ROOT = pathlib.Path(__file__).resolve().parents[2]


class KubeApiserver:
    """Runs for the length of a block.

    Args:
        folder: for keys, logs and etcd's data.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._port = 0
        self.logs: dict[str, pathlib.Path] = {}

    def __enter__(self) -> KubeApiserver:
        answer = subprocess.run(
            [str(ROOT / "scripts" / "kube_apiserver.sh")], check=True, stdout=subprocess.PIPE
        )
        program = answer.stdout.decode().split()[-1]
        store, peers, self._port = reserve_ports(3)
        self._start(
            "etcd", "etcd", f"--data-dir={self._folder}/etcd", "--unsafe-no-fsync",
            f"--listen-client-urls=http://127.0.0.1:{store}",
            f"--advertise-client-urls=http://127.0.0.1:{store}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
        )  # fmt: skip
        key = self._folder / "service-accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True,
                       capture_output=True)  # fmt: skip
        tokens = self._folder / "tokens.csv"
        tokens.write_text("admin,admin,1,system:masters\nstep,step,2\n")
        self._start(
            "apiserver", program, f"--etcd-servers=http://127.0.0.1:{store}",
            f"--secure-port={self._port}", "--bind-address=127.0.0.1",
            f"--cert-dir={self._folder}/certificates", f"--token-auth-file={tokens}",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24",
            # Without its controller no namespace has a service account.
            "--disable-admission-plugins=ServiceAccount",
        )  # fmt: skip
        self._wait()
        return self

    def __exit__(self, *exc: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(300)

    def api(self, user: str = "admin") -> Any:
        """A client's connection as one of the users, "admin" or "step"."""
        from kubernetes import client

        settings = client.Configuration()
        settings.host = f"https://127.0.0.1:{self._port}"
        settings.verify_ssl = False
        settings.retries = False
        settings.api_key = {"authorization": f"Bearer {user}"}
        return client.ApiClient(settings)

    def kubeconfig(self, file: pathlib.Path) -> pathlib.Path:
        """Writes what programs read that connect as "admin"."""
        cluster = {"server": f"https://127.0.0.1:{self._port}", "insecure-skip-tls-verify": True}
        settings = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": "admin"}}],
        }
        file.write_text(json.dumps(settings))
        return file

    def _start(self, name: str, *command: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _wait(self) -> None:
        import urllib3
        from kubernetes import client

        urllib3.disable_warnings()
        end = time.monotonic() + 300
        while True:
            try:
                if client.CoreV1Api(self.api()).read_namespace("default"):
                    return
            except (client.exceptions.ApiException, urllib3.exceptions.HTTPError):
                assert time.monotonic() < end, (self._folder / "apiserver.log").read_text()[-3000:]
                time.sleep(0.5)
