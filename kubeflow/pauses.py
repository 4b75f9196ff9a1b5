"""Pauses between attempts that are longer on Kubeflow Pipelines than was asked for."""

from __future__ import annotations

from typing import Any

from tfx_estimators.components.resources import Resources, combined, resources_of

__all__ = ["longer_pauses"]


def longer_pauses(pipeline: Any, every_step: Resources | None = None) -> list[str]:
    """Steps whose pauses outgrow their `most_seconds`, for which the backend has no place.

    Args:
        pipeline: a TFX pipeline.
        every_step: what all steps need, as `compile_pipeline` takes it.

    Returns:
        a sentence for each.
    """
    said = []
    for node in pipeline.components:
        own = resources_of(node)
        resources = combined(every_step, own) if every_step is not None else own
        retries = resources.retries if resources is not None else None
        if retries is None:
            continue
        longest = retries.seconds * retries.factor ** (retries.count - 1)
        if longest > retries.most_seconds:
            said.append(
                f"{node.id} waits {longest:.0f} s before its last attempt: Kubeflow Pipelines "
                f"cannot limit pauses to most_seconds={retries.most_seconds:g}"
            )
    return said
