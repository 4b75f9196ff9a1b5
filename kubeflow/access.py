"""A connection to a Kubernetes API server, and what it refuses in words a user can act on."""

from __future__ import annotations

import contextlib
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from tfx_estimators.errors import ClusterError

__all__ = ["connect", "explained", "is_missing", "namespace"]

_SERVICE_ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")


def connect() -> Any:
    """An ApiClient: by the pod's service account, else by the user's kubeconfig.

    Raises:
        ClusterError: if there is neither.
    """
    from kubernetes import client, config

    settings = client.Configuration()
    try:
        if (_SERVICE_ACCOUNT / "token").is_file():
            config.load_incluster_config(client_configuration=settings)
        else:
            config.load_kube_config(client_configuration=settings)
    except (config.ConfigException, TypeError, OSError) as error:
        raise ClusterError(
            f"no Kubernetes cluster is configured here: {error}",
            expected="a pod with a service account, or a kubeconfig",
            fix="run it as a step on the cluster, or set KUBECONFIG",
        ) from error
    settings.retries = 3
    return client.ApiClient(settings)


def namespace() -> str:
    """The pod's own namespace, else that of the kubeconfig's context, else "default"."""
    own = _SERVICE_ACCOUNT / "namespace"
    if own.is_file():
        return own.read_text(encoding="utf-8").strip()
    from kubernetes import config

    with contextlib.suppress(config.ConfigException, TypeError, OSError):
        _, active = config.list_kube_config_contexts()
        return str(active["context"].get("namespace") or "default")
    return "default"


def is_missing(error: Exception) -> bool:
    """Whether the server says that there is no such thing."""
    return getattr(error, "status", None) == 404


@contextlib.contextmanager
def explained(doing: str, needs: str) -> Iterator[None]:
    """Turns what the server refuses into a `ClusterError`.

    Args:
        doing: what is being done, e.g. "start the training job train-1 in team".
        needs: the permission it takes, e.g. "create tfjobs.kubeflow.org".

    Raises:
        ClusterError: in place of the client's errors.
    """
    import urllib3
    from kubernetes import client

    try:
        yield
    except client.exceptions.ApiException as error:
        raise _refused(doing, needs, error) from error
    except urllib3.exceptions.HTTPError as error:
        raise ClusterError(
            f"cannot {doing}: the cluster does not answer: {error}",
            expected="an API server that can be reached",
            fix="kubectl cluster-info",
        ) from error


def _refused(doing: str, needs: str, error: Any) -> ClusterError:
    said = _message(error)
    if error.status in (401, 403):
        return ClusterError(
            f"cannot {doing}: {said}",
            expected=f"the permission to {needs}",
            fix="give the step's service account the role of rbac.yaml in: tfx-estimators "
            "manifests DIR",
        )
    if error.status == 404:
        return ClusterError(
            f"cannot {doing}: {said}",
            expected="a cluster that knows this kind of object",
            fix="install the training operator 1.9 (TFJob) or KServe",
        )
    if error.status == 422:
        return ClusterError(
            f"cannot {doing}: {said}",
            expected="names and quantities that Kubernetes accepts",
            fix="correct the step's Resources",
        )
    return ClusterError(f"cannot {doing}: {error.status} {said}", fix="try again later")


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, TypeError, KeyError):
        return str(error.reason)
