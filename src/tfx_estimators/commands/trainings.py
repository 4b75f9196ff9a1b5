"""`--fresh` and `--extend`: where the trainings of a run begin."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["Trainings"]


@dataclasses.dataclass(frozen=True)
class Trainings:
    """What the command line says of a run's trainings.

    Attributes:
        fresh: begin at step 0, whatever there is.
        extend: go on from finished ones of fewer steps.

    Raises:
        UnsupportedOptionError: if it says both.
    """

    fresh: bool
    extend: bool

    def __post_init__(self) -> None:
        if self.fresh and self.extend:
            raise UnsupportedOptionError(
                "--fresh and --extend were both given",
                expected="one of them: from step 0, or from where a training ended",
                fix="leave one out",
            )

    def asked_of(self, definition: Any, options: dict[str, Any]) -> tuple[str, ...] | None:
        """Tells a pipeline's trainers.

        Args:
            definition: a `tfx.orchestration.pipeline.Pipeline`.
            options: of the runner; one that takes "from" and "to" runs a part.

        Returns:
            ids of the steps that will run; None for all.

        Raises:
            UnsupportedOptionError: if there is no such part, or no trainer in it.
        """
        from tfx_estimators.pipelines.chosen_steps import steps_between
        from tfx_estimators.pipelines.runner import extend_trainings, train_afresh

        first, last = options.get("from"), options.get("to")
        part = steps_between(definition, first, last) if first or last else None
        if self.fresh:
            train_afresh(definition, part)
        if self.extend:
            extend_trainings(definition, part)
        return part
