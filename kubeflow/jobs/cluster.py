"""Training jobs on a Kubernetes API server, by the official client's CustomObjectsApi.

Seen with the client 12.0.1 (which TFX 1.15 allows) and 26.1.
"""

from __future__ import annotations

import time
from typing import Any

from tfx_estimators.errors import ClusterError
from tfx_estimators.kubeflow.access import connect, explained, is_missing, namespace
from tfx_estimators.kubeflow.jobs import tfjob
from tfx_estimators.kubeflow.jobs.interface import Job, JobState

__all__ = ["ClusterJobs"]

_SECONDS_TO_END = 120.0
_SECONDS_BETWEEN_LOOKS = 0.5
_WHERE = {"group": tfjob.GROUP, "version": tfjob.VERSION, "plural": tfjob.PLURAL}


class ClusterJobs:
    """TFJobs in one namespace; see `interface.Jobs`.

    Args:
        api: an ApiClient of the kubernetes package; by default as `access.connect` finds it.
        where: the namespace; by default the pod's own, or the context's.
    """

    def __init__(self, api: Any = None, where: str | None = None) -> None:
        from kubernetes import client

        api = connect() if api is None else api
        self.namespace = namespace() if where is None else where
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)

    def start(self, job: Job) -> bool:
        """Makes the job; False if there is one of that name."""
        from kubernetes import client

        doing = f"start the training job {job.name} in {self.namespace}"
        with explained(doing, "create tfjobs.kubeflow.org"):
            try:
                self._objects.create_namespaced_custom_object(
                    **_WHERE,
                    namespace=self.namespace,
                    body=tfjob.manifest(job, self.namespace),
                )
            except client.exceptions.ApiException as error:
                if error.status == 409:
                    return False
                raise
        return True

    def state(self, name: str) -> JobState | None:
        """How the job stands; None if there is none."""
        from kubernetes import client

        doing = f"follow the training job {name} in {self.namespace}"
        with explained(doing, "get tfjobs.kubeflow.org and list pods"):
            try:
                found = self._objects.get_namespaced_custom_object(
                    **_WHERE, namespace=self.namespace, name=name
                )
            except client.exceptions.ApiException as error:
                if is_missing(error):
                    return None
                raise
            pods = self._core.list_namespaced_pod(
                self.namespace, label_selector=tfjob.pod_selector(name)
            )
        phase, reason = tfjob.job_phase(found)
        replicas = sorted(map(tfjob.replica, pods.items), key=lambda replica: replica.name)
        return JobState(phase, reason, tuple(replicas))

    def log(self, name: str, replica: str, lines: int | None = None) -> str:
        """What a process said; "" if its pod is gone or has not begun."""
        from kubernetes import client

        limit = {} if lines is None else {"tail_lines": lines}
        with explained(f"read the log of {name}-{replica}", "get pods/log"):
            try:
                # Else the client would take JSON in it for an object.
                answer = self._core.read_namespaced_pod_log(
                    f"{name}-{replica}", self.namespace, _preload_content=False, **limit
                )
            except client.exceptions.ApiException as error:
                if error.status in (400, 404, 500):
                    return ""
                raise
            return str(answer.data.decode(errors="replace"))

    def remove(self, name: str) -> None:
        """Deletes the TFJob and waits until its pods have ended.

        Raises:
            ClusterError: also if they do not end in two minutes.
        """
        from kubernetes import client

        doing = f"end the training job {name} in {self.namespace}"
        with explained(doing, "delete tfjobs.kubeflow.org"):
            try:
                self._objects.delete_namespaced_custom_object(
                    **_WHERE,
                    namespace=self.namespace,
                    name=name,
                    body=client.V1DeleteOptions(propagation_policy="Foreground"),
                )
            except client.exceptions.ApiException as error:
                if not is_missing(error):
                    raise
        end = time.monotonic() + _SECONDS_TO_END
        while self.state(name) is not None:
            if time.monotonic() > end:
                raise ClusterError(
                    f"cannot {doing}: its pods have not ended in {_SECONDS_TO_END:.0f} s",
                    fix=f"kubectl -n {self.namespace} get pods -l {tfjob.pod_selector(name)}",
                )
            time.sleep(_SECONDS_BETWEEN_LOOKS)
