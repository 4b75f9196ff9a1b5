"""The TFX artifact class behind what a package or a backend calls a type.

Input artifacts reach a step as `system.Artifact`, whatever made them. What they are is
said by the component's own inputs spec, which TFX's compiler hands over.
"""

from __future__ import annotations

import importlib
from typing import Any

from tfx_estimators.errors import StepInputError

__all__ = ["artifact_class"]

_FIRST_PARTY = "tfx."
_MODULES = (
    "tfx.types.standard_artifacts",
    "tfx.types.experimental.simple_artifacts",
)


def artifact_class(*schemas: dict[str, Any] | None) -> type[Any]:
    """The class of the first schema that says one.

    Args:
        schemas: ArtifactTypeSchemas as JSON, the most reliable first.

    Returns:
        a subclass of `tfx.types.artifact.Artifact`; for KFP's own `system.*` types, or
        where nothing is said, one of that name without declared properties.

    Raises:
        StepInputError: if a type of somebody's own cannot be imported.
    """
    titles = [title for title in map(_title, schemas) if title]
    for title in titles:
        if title.startswith(_FIRST_PARTY) and title.count(".") == 1:
            if (found := _first_party(title)) is not None:
                return found
        elif "." in title and not title.startswith("system."):
            return _imported(title)
    return _plain(titles[0] if titles else "system.Artifact")


def _title(schema: dict[str, Any] | None) -> str | None:
    if not schema:
        return None
    if schema.get("schemaTitle"):
        return str(schema["schemaTitle"])
    if schema.get("instanceSchema"):
        import yaml

        read = yaml.safe_load(schema["instanceSchema"])
        title = read.get("title") if isinstance(read, dict) else None
        return str(title) if title else None
    return None


def _first_party(title: str) -> type[Any] | None:
    name = title[len(_FIRST_PARTY) :]
    for module in _MODULES:
        if (found := getattr(importlib.import_module(module), name, None)) is not None:
            return found
    return None


def _imported(title: str) -> type[Any]:
    module, _, name = title.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise StepInputError(
            f"the artifact type {title} cannot be imported: {error}",
            expected=f"a class {name} in the module {module}",
            fix=f"install the package of {module} in the step's image",
        ) from error


def _plain(title: str) -> type[Any]:
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from tfx.types import artifact_utils

    return artifact_utils.get_artifact_type_class(mlmd.ArtifactType(name=title))
