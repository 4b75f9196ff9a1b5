"""Finds the newest blessed model in the records of earlier steps."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from tfx_estimators.components.gfile import files_for
from tfx_estimators.kubeflow.entrypoint.runtime_artifacts import ABSENT
from tfx_estimators.kubeflow.entrypoint.sidecar import folder_of_records
from tfx_estimators.lineage.record_files import read_records
from tfx_estimators.lineage.records import ArtifactRecord, StepRecord

__all__ = ["BlessedModelExecutor"]

_log = logging.getLogger(__name__)


class BlessedModelExecutor(base_executor.BaseExecutor):
    """Executor of `BlessedModelLookup`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the model, or marks the output as absent.

        What the step is recorded to have read becomes the model that was found: the
        candidate is only to be left out.
        """
        (model,) = output_dict["model"]
        candidates = {artifact.uri for artifact in input_dict.pop("candidate", ())}
        folder = folder_of_records([model.uri])
        files = None if folder is None else files_for(folder)
        steps: list[StepRecord] = []
        if folder is not None and files is not None and files.exists(folder):
            records = read_records(folder, files).values()
            steps = [
                record
                for record in records
                if isinstance(record, StepRecord)
                and record.pipeline == exec_properties["pipeline_name"]
            ]
        for uri in blessed_models(steps):
            if uri in candidates:
                continue
            if fileio.exists(uri):
                io_utils.copy_dir(uri, model.uri)
                input_dict["blessed"] = [_found(uri)]
                _log.info("the latest blessed model is %s", uri)
                return
            # A step sees nothing of a bucket but its own inputs; a volume it does see.
            for pushed in pushed_copies(steps, uri):
                if fileio.exists(pushed):
                    io_utils.copy_dir(pushed, path_utils.serving_model_dir(model.uri))
                    input_dict["blessed"] = [_found(uri)]
                    _log.info("the latest blessed model is %s, pushed to %s", uri, pushed)
                    return
        _log.info("there is no blessed model, or its files are gone")
        fileio.makedirs(model.uri)
        model.set_int_custom_property(ABSENT, 1)


def blessed_models(steps: Iterable[StepRecord]) -> list[str]:
    """Uris of models that were blessed, the newest first.

    Of two verdicts on one model the newer counts.
    """
    verdicts: dict[str, tuple[float, bool]] = {}
    for step in sorted(steps, key=lambda step: step.wall_time):
        for output in step.outputs if step.state == "complete" else ():
            model = _judged(output)
            if model:
                verdicts[model] = (step.wall_time, output.properties.get("blessed") == 1)
    blessed = {model: at for model, (at, is_blessed) in verdicts.items() if is_blessed}
    return sorted(blessed, key=lambda model: blessed[model], reverse=True)


def pushed_copies(steps: Iterable[StepRecord], model: str) -> list[str]:
    """Folders that a model was pushed to, the newest first."""
    return [
        str(output.properties["pushed_destination"])
        for step in sorted(steps, key=lambda step: step.wall_time, reverse=True)
        if step.state == "complete" and any(given.uri == model for given in step.inputs)
        for output in step.outputs
        if output.type == "PushedModel" and output.properties.get("pushed_destination")
    ]


def _found(uri: str) -> Artifact:
    model = standard_artifacts.Model()
    model.uri = uri
    return model


def _judged(output: ArtifactRecord) -> str | None:
    """The model that a blessing is of; `current_model` is what Evaluators write."""
    if output.type != "ModelBlessing":
        return None
    model = output.properties.get("current_model")
    return str(model) if model else None
