"""Pushes a model: is it blessed, the push itself, what the artifact says, the server.

Private name: `BaseExecutor._log_startup`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from tfx.dsl.components.base import base_executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from tfx_estimators.components.examples import find_splits, read_batches
from tfx_estimators.components.origin import Origin
from tfx_estimators.components.progress import show_progress
from tfx_estimators.components.pusher.place import place_of
from tfx_estimators.components.pusher.publication import Push
from tfx_estimators.components.pusher.server import ModelServer, reload
from tfx_estimators.components.saved_model import examples_path, serving_path
from tfx_estimators.terminal import say

__all__ = ["PusherExecutor"]

_EXAMPLES_TRIED = 8


class PusherExecutor(base_executor.BaseExecutor):
    """Executor of `EstimatorPusher`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes; see `EstimatorPusher` for inputs, outputs and errors."""
        self._log_startup(input_dict, output_dict, exec_properties)
        destination = json_format.Parse(
            exec_properties["push_destination"], pusher_pb2.PushDestination()
        )
        place = place_of(destination.filesystem.base_directory)
        place.check_writable()
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if input_dict.get("model_blessing"):
            blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
            if blessing.get_int_custom_property("blessed") != 1:
                say(f"EstimatorPusher: not blessed ({blessing.uri}), not pushed")
                pushed.set_int_custom_property("pushed", 0)
                return
        model = artifact_utils.get_single_instance(input_dict["model"])
        serving, beside = serving_path(model), examples_path(model)
        push = Push(
            source=serving,
            model_uri=model.uri,
            place=place,
            archive=pushed.uri,
            examples=_first_examples(input_dict.get("examples") or []),
            keep=exec_properties.get("keep_versions"),
            origin=Origin.of_context(self._context, "EstimatorPusher"),
            examples_model=beside if beside != serving else None,
        )
        with show_progress("EstimatorPusher", "files") as progress:
            done = push.run(progress.advance)
        server = exec_properties.get("model_server")
        if server:
            reload(ModelServer.from_json(server), place.base, int(done.version))
        pushed.set_int_custom_property("pushed", 1)
        pushed.set_string_custom_property("pushed_destination", done.folder)
        pushed.set_string_custom_property("pushed_version", done.version)
        pushed.set_string_custom_property("model_digest", done.digest)
        pushed.set_string_custom_property("model_uri", model.uri)


def _first_examples(examples: list[Artifact]) -> list[bytes]:
    if not examples:
        return []
    first = find_splits(examples)[0]
    return next(read_batches(first.files, batch_size=_EXAMPLES_TRIED))
