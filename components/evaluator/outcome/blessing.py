"""The ModelBlessing artifact, as TFX's Evaluator writes it."""

from __future__ import annotations

from tfx.types.artifact import Artifact
from tfx.utils import io_utils

__all__ = ["write_blessing"]


def write_blessing(
    blessing: Artifact,
    *,
    blessed: bool,
    model: Artifact,
    baseline: Artifact | None,
    component_id: str | None,
) -> None:
    """Marks a model as blessed or not: a marker file and custom properties.

    The latest-blessed resolver reads `blessed` and `current_model_id`; pushers read
    `blessed`.

    Args:
        blessing: the artifact to fill.
        blessed: the verdict.
        model: the Model artifact that was evaluated.
        baseline: the Model artifact it was compared with, or None.
        component_id: id of the component in its pipeline, where known.
    """
    blessing.set_string_custom_property("current_model", model.uri)
    blessing.set_int_custom_property("current_model_id", model.id)
    if baseline is not None:
        blessing.set_string_custom_property("baseline_model", baseline.uri)
        blessing.set_int_custom_property("baseline_model_id", baseline.id)
    if component_id is not None:
        blessing.set_string_custom_property("component_id", component_id)
    io_utils.write_string_file(f"{blessing.uri}/{'BLESSED' if blessed else 'NOT_BLESSED'}", "")
    blessing.set_int_custom_property("blessed", int(blessed))
