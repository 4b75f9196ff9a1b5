"""What a step read and wrote, as a lineage record, for ML Metadata to be told later.

Kubeflow Pipelines need not keep ML Metadata, and keeps no checkpoints in it.
`tfx-estimators import FOLDER --metadata STORE --create` makes the graph of the records.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.environment_variables import CHECKPOINTS, RECORDS
from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.entrypoint.invocation import Invocation
from tfx_estimators.kubeflow.entrypoint.record_folder import folder_of_records
from tfx_estimators.kubeflow.entrypoint.runtime_artifacts import ABSENT, plain_properties
from tfx_estimators.lineage.record_files import write_record
from tfx_estimators.lineage.records import ArtifactRecord, State, StepRecord

__all__ = ["StepSidecar", "folder_of_records"]

# Of artifacts in ML Metadata, as Evaluators note them: 0, since a step here knows none.
_NUMBERS = ("current_model_id", "baseline_model_id")
_log = logging.getLogger(__name__)


class StepSidecar:
    """Writes the record of one attempt, anew as its state changes.

    Artifacts are recorded under the paths that the step saw them at, as checkpoints and
    models are.

    Args:
        invocation: the step.
        inputs: what it reads.
        outputs: what it writes.
    """

    def __init__(
        self,
        invocation: Invocation,
        inputs: Mapping[str, Sequence[Any]],
        outputs: Mapping[str, Sequence[Any]],
    ) -> None:
        self._invocation = invocation
        self._inputs, self._outputs = inputs, outputs
        self._began = time.time()
        self._folder = folder_of_records(
            artifact.uri for held in outputs.values() for artifact in held
        )
        if self._folder is None:
            _log.warning(
                "no lineage record is kept of this step: set %s or %s to a folder of a volume",
                RECORDS,
                CHECKPOINTS,
            )

    def write(self, state: State) -> None:
        """Says how the attempt stands: "running", "complete" or "failed".

        A folder that cannot be written does not fail the step.
        """
        if self._folder is None:
            return
        step = self._invocation
        record = StepRecord(
            pipeline=step.pipeline,
            run=step.run,
            node=step.node,
            execution=step.attempt,
            wall_time=time.time(),
            type=step.component,
            state=state,
            began=self._began,
            parameters={name: _plain(value) for name, value in step.parameters.items()},
            inputs=_records(self._inputs),
            outputs=_records(self._outputs) if state == "complete" else (),
        )
        files = files_for(self._folder)
        try:
            write_record(self._folder, record, files)
        except files.failures as error:
            _log.warning("the lineage record of this step is not kept: %s", error)


def _records(artifacts: Mapping[str, Sequence[Any]]) -> tuple[ArtifactRecord, ...]:
    return tuple(
        ArtifactRecord(
            key=key,
            type=artifact.type_name,
            uri=artifact.uri,
            properties={
                name: value
                for name, value in plain_properties(artifact).items()
                if value or name not in _NUMBERS
            },
        )
        for key, held in artifacts.items()
        for artifact in held
        if not artifact.has_custom_property(ABSENT)
    )


def _plain(value: Any) -> str | int | float:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # A record has no number for it.
    return value if isinstance(value, (str, int, float)) else dumps(value)
