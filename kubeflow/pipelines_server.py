"""A Kubeflow Pipelines server.

The client is kfp's. Before it is asked for anything, the server is asked whether it is
there: kfp itself tries for half a minute and then shows a stack.
"""

from __future__ import annotations

import re
from typing import Any

from tfx_estimators.errors import SubmissionError
from tfx_estimators.kubeflow.extra import from_extra

__all__ = ["check_name", "connect", "refused"]

_SECONDS_TO_ANSWER = 10.0
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 63


def connect(endpoint: str, token: str | None, namespace: str | None) -> Any:
    """kfp's client for a server that is there.

    Args:
        endpoint: of its API, e.g. "http://localhost:8888".
        token: to authenticate with.
        namespace: on a server with several users.

    Raises:
        MissingDependencyError: if kfp is not installed.
        SubmissionError: if the server is not there, or refuses the token or the user.
    """
    kfp, kfp_server_api = from_extra("kfp"), from_extra("kfp_server_api")
    endpoint = endpoint.rstrip("/")
    _ask_for_health(endpoint, token)
    try:
        return kfp.Client(host=endpoint, existing_token=token, namespace=namespace or "kubeflow")
    except kfp_server_api.ApiException as error:
        raise refused(endpoint, error) from error


def check_name(what: str, name: str | None) -> None:
    """By https://kubernetes.io/docs/concepts/overview/working-with-objects/names/.

    Args:
        what: whose name it is, e.g. "namespace".
        name: the name; None is none to check.

    Raises:
        SubmissionError: if Kubernetes takes no such name.
    """
    if name is None or (len(name) <= _LONGEST_NAME and _NAME.fullmatch(name)):
        return
    better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_NAME] or "default"
    raise SubmissionError(
        f"the {what} {name!r} is not a name that Kubernetes accepts",
        expected=f"lowercase letters, digits and dashes, at most {_LONGEST_NAME}",
        fix=f"is it {better!r}? kubectl get {what.replace(' ', '')}s lists them",
    )


def refused(endpoint: str, answer: Any) -> SubmissionError:
    """The error for an answer of the server that is none of success.

    Args:
        endpoint: which address answered.
        answer: kfp's ApiException, or an answer of urllib3.
    """
    status = getattr(answer, "status", None)
    said = getattr(answer, "body", None) or getattr(answer, "data", b"")
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    fixes = {
        401: "pass --token-file with a token that the server accepts",
        403: "ask for permission to create runs in this namespace, or pass --namespace",
        404: "give the address of Kubeflow Pipelines' API, version 2",
    }
    return SubmissionError(
        f"{endpoint} answered {status}: {text.strip()[:500]}",
        expected="a server of Kubeflow Pipelines 2 that lets you create runs",
        fix=fixes.get(status or 0, "correct what the server reports"),
    )


def _ask_for_health(endpoint: str, token: str | None) -> None:
    import urllib3

    if not endpoint.startswith(("http://", "https://")):
        raise SubmissionError(
            f"the endpoint {endpoint!r} is not an address",
            expected="http:// or https://, host and port",
            fix="kubectl port-forward -n kubeflow svc/ml-pipeline 8888, then "
            "--endpoint http://localhost:8888",
        )
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = f"{endpoint}/apis/v2beta1/healthz"
    try:
        answer = urllib3.PoolManager(retries=2, timeout=_SECONDS_TO_ANSWER).request(
            "GET", address, headers=headers
        )
    except urllib3.exceptions.HTTPError as error:
        raise SubmissionError(
            f"no answer from {address}: {_reason(error)}",
            expected="the API of Kubeflow Pipelines 2",
            fix="check the address, and that the port is forwarded: "
            "kubectl port-forward -n kubeflow svc/ml-pipeline 8888",
        ) from error
    if answer.status != 200:
        raise refused(endpoint, answer)


def _reason(error: Any) -> str:
    """Without the pool of connections and the object's address, which help nobody."""
    return str(getattr(error, "reason", error)).split(": ", 1)[-1]
