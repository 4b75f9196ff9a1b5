"""InferenceServices and their Deployments on a Kubernetes API server, by the official client.

Seen with the client 12.0.1 (which TFX 1.15 allows) and 26.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_estimators.kubeflow.access import connect, explained, is_missing
from tfx_estimators.kubeflow.access import namespace as own_namespace
from tfx_estimators.kubeflow.serving.kserve_resource import GROUP, PLURAL, VERSION

__all__ = ["ClusterServices"]

_WHERE = {"group": GROUP, "version": VERSION, "plural": PLURAL}
_CONFLICT = 409


class ClusterServices:
    """InferenceServices in one namespace. All raise `ClusterError`.

    Args:
        api: an ApiClient of the kubernetes package; by default as `access.connect` finds it.
        namespace: by default the pod's own, or the context's.
    """

    def __init__(self, api: Any = None, namespace: str | None = None) -> None:
        from kubernetes import client

        api = connect() if api is None else api
        self.namespace = own_namespace() if namespace is None else namespace
        self._api, self._objects = api, client.CustomObjectsApi(api)

    def get(self, name: str) -> dict[str, Any] | None:
        """A service as it is; None if there is none."""
        from kubernetes import client

        doing = f"read the InferenceService {name} in {self.namespace}"
        with explained(doing, "get inferenceservices.serving.kserve.io"):
            try:
                found: dict[str, Any] = self._objects.get_namespaced_custom_object(
                    **_WHERE, namespace=self.namespace, name=name
                )
            except client.exceptions.ApiException as error:
                if is_missing(error):
                    return None
                raise
        return found

    def deployment(self, name: str) -> dict[str, Any] | None:
        """The Deployment of a service's predictor in Standard mode; None if there is none."""
        from kubernetes import client

        doing = f"read the Deployment {name}-predictor in {self.namespace}"
        with explained(doing, "get deployments.apps"):
            try:
                found = client.AppsV1Api(self._api).read_namespaced_deployment(
                    f"{name}-predictor", self.namespace
                )
            except client.exceptions.ApiException as error:
                if is_missing(error):
                    return None
                raise
        plain: dict[str, Any] = self._api.sanitize_for_serialization(found)
        return plain

    def create(self, body: Mapping[str, Any]) -> bool:
        """Makes a service; False if there is one of that name by now."""
        doing = f"make the InferenceService {body['metadata']['name']} in {self.namespace}"
        with explained(doing, "create inferenceservices.serving.kserve.io"):
            return _unless_conflict(
                self._objects.create_namespaced_custom_object,
                namespace=self.namespace,
                body=body,
            )

    def replace(self, body: Mapping[str, Any]) -> bool:
        """Changes a service; False if somebody else has changed it since it was read."""
        name = body["metadata"]["name"]
        doing = f"change the InferenceService {name} in {self.namespace}"
        with explained(doing, "update inferenceservices.serving.kserve.io"):
            return _unless_conflict(
                self._objects.replace_namespaced_custom_object,
                namespace=self.namespace,
                name=name,
                body=body,
            )


def _unless_conflict(call: Any, **arguments: Any) -> bool:
    from kubernetes import client

    try:
        call(**_WHERE, **arguments)
    except client.exceptions.ApiException as error:
        if error.status == _CONFLICT:
            return False
        raise
    return True
