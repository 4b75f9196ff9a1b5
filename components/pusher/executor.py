"""Pushes a model: check, stage, try, archive, publish."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

from google.protobuf import json_format
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from tfx_estimators.components.examples import find_splits, read_batches
from tfx_estimators.components.progress import Progress, show_progress
from tfx_estimators.components.pusher.trial import try_model
from tfx_estimators.components.pusher.versions import (
    check_writable,
    copy_tree,
    publish,
    staging_folder,
)
from tfx_estimators.components.saved_model import serving_path
from tfx_estimators.errors import PushError

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
        base = pathlib.Path(destination.filesystem.base_directory).expanduser().absolute()
        check_writable(base)
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if input_dict.get("model_blessing"):
            blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
            if blessing.get_int_custom_property("blessed") != 1:
                print(f"EstimatorPusher: not blessed ({blessing.uri}), not pushed", file=sys.stderr)
                pushed.set_int_custom_property("pushed", 0)
                return
        source = serving_path(artifact_utils.get_single_instance(input_dict["model"]))
        examples = _first_examples(input_dict.get("examples") or [])
        with show_progress("EstimatorPusher", "files") as progress:
            version = _push(source, base, pushed.uri, examples, progress)
        pushed.set_int_custom_property("pushed", 1)
        pushed.set_string_custom_property("pushed_destination", str(version))
        pushed.set_string_custom_property("pushed_version", version.name)


def _push(
    source: str, base: pathlib.Path, archive: str, examples: list[bytes], progress: Progress
) -> pathlib.Path:
    if not fileio.exists(f"{source}/saved_model.pb"):
        raise PushError(
            f"there is no {source}/saved_model.pb",
            expected="a Model artifact with a serving SavedModel",
            fix="check that the trainer exported its model",
        )
    try:
        with staging_folder(base) as folder:
            copy_tree(source, folder, progress.advance)
            try_model(folder, examples)
            # The artifact's own copy comes first: with the rename all is done.
            io_utils.copy_dir(str(folder), archive)
            return publish(folder, base)
    except PushError:
        raise
    except OSError as error:
        raise PushError(
            f"the model could not be copied to {base}: {error}",
            expected="a file system with enough space that keeps what is written",
            fix=f"look at the space left: df -h {base}",
        ) from error


def _first_examples(examples: list[Artifact]) -> list[bytes]:
    if not examples:
        return []
    first = find_splits(examples)[0]
    return next(read_batches(first.files, batch_size=_EXAMPLES_TRIED))
