"""Folders that a package names and no volume of its steps holds: they go with the pod."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tfx_estimators.components.resources import Claim, Resources, combined, resources_of

__all__ = ["outside_of_volumes"]


def outside_of_volumes(pipeline: Any, every_step: Resources | None = None) -> list[str]:
    """What a step reads or keeps in a folder that is on none of its claims.

    That may be meant: the folder may be in the image. So it is said, and not refused.

    Args:
        pipeline: a TFX pipeline.
        every_step: what all steps need, as `compile_pipeline` takes it.

    Returns:
        a sentence for each.
    """
    return [
        f"{node.id} {doing} {folder}, which is not on a volume of its step: {so}"
        for node in pipeline.components
        for doing, folder, so in _folders(node.exec_properties)
        if "://" not in folder and not _is_on_claim(folder, node, every_step)
    ]


def _folders(properties: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    if isinstance(folder := properties.get("input_base"), str) and folder:
        yield "reads", folder, "it must be in the image"
    lost = "what is written there is lost with the pod"
    if isinstance(folder := properties.get("checkpoint_store"), str) and folder:
        yield "keeps checkpoints in", folder, lost
    pushed = json.loads(properties.get("push_destination") or "{}")
    if folder := pushed.get("filesystem", {}).get("base_directory"):
        yield "pushes to", folder, lost


def _is_on_claim(folder: str, node: Any, every_step: Resources | None) -> bool:
    resources = combined(every_step, resources_of(node)) if every_step else resources_of(node)
    volumes = resources.volumes if resources is not None else ()
    claims = [volume.path.rstrip("/") for volume in volumes if isinstance(volume, Claim)]
    return any(folder == path or folder.startswith(f"{path}/") for path in claims)
