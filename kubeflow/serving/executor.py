"""Serves a version: everything is looked at before anything is made."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from tfx_estimators.errors import PushError
from tfx_estimators.kubeflow.serving.cluster import ClusterServices
from tfx_estimators.kubeflow.serving.rollout import Rollout, Services, roll_out
from tfx_estimators.kubeflow.serving.service import ServiceSettings, check_name
from tfx_estimators.kubeflow.serving.version_folder import VersionFolder
from tfx_estimators.terminal import say

__all__ = ["KServeExecutor", "serve"]


class KServeExecutor(base_executor.BaseExecutor):
    """Executor of `KServePusher`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Serves the version; see `KServePusher`."""
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        served = artifact_utils.get_single_instance(output_dict["served_model"])
        if pushed.get_int_custom_property("pushed") != 1:
            _say("nothing was pushed, so nothing is served")
            served.set_int_custom_property("served", 0)
            return
        folder = pushed.get_string_custom_property("pushed_destination")
        if not folder:
            raise PushError(
                f"the PushedModel {pushed.uri} does not say where it was pushed to",
                expected="the output of an EstimatorPusher",
                fix="KServePusher(pushed_model=pusher.outputs['pushed_model'], ...)",
            )
        settings = ServiceSettings.from_json(exec_properties["service"])
        services = ClusterServices(namespace=settings.namespace)
        done = serve(services, settings, folder)
        served.set_int_custom_property("served", 1)
        served.set_string_custom_property("service", f"{services.namespace}/{settings.name}")
        served.set_string_custom_property("storage_uri", done.uri)
        served.set_int_custom_property("traffic_percent", done.percent)


def serve(
    services: Services, settings: ServiceSettings, pushed: str, pause: float = 2.0
) -> Rollout:
    """Puts a version where KServe finds it, and serves it.

    Args:
        services: of the namespace.
        settings: of the service.
        pushed: the version's folder.
        pause: seconds between two looks at the service.

    Raises:
        ClusterError: if the cluster refuses something.
        PushError: if KServe could not read the version, or does not come to serve it.
        UnsupportedOptionError: if the name is too long for the namespace.
    """
    check_name(settings.name, services.namespace)
    name = f"{services.namespace}.{settings.name}"
    version = VersionFolder(pushed, name, settings.claim)
    services.get(settings.name)  # Whether the cluster answers, and may be asked.
    version.make()
    done = roll_out(services, settings, version.uri, _say, pause)
    version.remove_others([done.uri, done.previous])
    return done


def _say(line: str) -> None:
    say(f"KServePusher: {line}")
