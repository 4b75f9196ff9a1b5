"""Where a ready pipeline puts what it makes, and how it is put together."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.lineage.outputs import Produced

__all__ = ["Workspace"]


@dataclasses.dataclass(frozen=True)
class Workspace:
    """The folders of one pipeline's runs.

    Attributes:
        name: the pipeline's.
        root: the folder that holds the others.
    """

    name: str
    root: pathlib.Path

    @property
    def metadata(self) -> pathlib.Path:
        """The SQLite file of ML Metadata."""
        return self.root / "metadata" / "metadata.sqlite"

    @property
    def artifacts(self) -> pathlib.Path:
        """TFX's pipeline root."""
        return self.root / "artifacts"

    @property
    def checkpoints(self) -> pathlib.Path:
        """The checkpoint store, which outlives executions."""
        return self.root / "checkpoints"

    @property
    def serving(self) -> pathlib.Path:
        """The versioned folder that a model server reads."""
        return self.root / "serving"

    def pipeline(
        self, components: Sequence[Any], beam_pipeline_args: Sequence[str] | None = None
    ) -> Any:
        """A `tfx.orchestration.pipeline.Pipeline` over these folders, with its cache on."""
        from tfx.orchestration import metadata
        from tfx.orchestration.pipeline import Pipeline

        return Pipeline(
            pipeline_name=self.name,
            pipeline_root=str(self.artifacts),
            components=list(components),
            enable_cache=True,
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(self.metadata)
            ),
            beam_pipeline_args=list(beam_pipeline_args or ()),
        )

    def made(self, node: str) -> Produced:
        """What a node last produced.

        Raises:
            PipelineError: if it has not finished here.
        """
        from tfx_estimators.lineage.outputs import latest_outputs

        return latest_outputs(self.metadata, self.name, node)
