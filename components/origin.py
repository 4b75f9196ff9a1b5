"""The pipeline, run and execution that a step belongs to."""

from __future__ import annotations

import dataclasses
from typing import Any

__all__ = ["Origin"]


@dataclasses.dataclass(frozen=True)
class Origin:
    """What every lineage record says of who wrote it; see `lineage.records`.

    Attributes:
        pipeline: the pipeline's name.
        run: the run's id.
        node: the node's id, e.g. "EstimatorTrainer".
        execution: TFX's id of the execution; None where it is not known.
    """

    pipeline: str
    run: str
    node: str
    execution: str | None

    @classmethod
    def of_context(cls, context: Any, node: str) -> Origin:
        """From the context that TFX gives an executor; "unknown" outside of a pipeline.

        Args:
            context: the executor's.
            node: the node's id where the context does not tell.
        """
        info = getattr(context, "pipeline_info", None)
        own = getattr(context, "pipeline_node", None)
        unique_id = getattr(context, "_unique_id", None)  # Private; seen on TFX 1.15.1 to 1.21.0.
        return cls(
            pipeline=info.id if info is not None else "unknown",
            run=getattr(context, "pipeline_run_id", None) or "unknown",
            node=own.node_info.id if own is not None else node,
            execution=str(unique_id) if unique_id not in (None, "") else None,
        )
