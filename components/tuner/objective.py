"""The metric that a search is to lower or to raise."""

from __future__ import annotations

import dataclasses

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["Objective"]

_LOWER = ("loss", "average_loss", "rmse", "mae", "mean_absolute_error", "mean_squared_error")
_HIGHER = ("accuracy", "auc", "auc_precision_recall", "precision", "recall")


@dataclasses.dataclass(frozen=True)
class Objective:
    """A metric of an evaluation, with its better direction.

    Attributes:
        metric: its name as `Estimator.evaluate` returns it, e.g. "average_loss".
        direction: "min" or "max".
    """

    metric: str
    direction: str

    @classmethod
    def of(cls, metric: str, direction: str | None) -> Objective:
        """The objective, with the direction of a metric that every Estimator has.

        Raises:
            UnsupportedOptionError: if the direction is unknown, or none.
        """
        if direction is None and metric in (*_LOWER, *_HIGHER):
            direction = "min" if metric in _LOWER else "max"
        if direction not in ("min", "max"):
            raise UnsupportedOptionError(
                f"EstimatorTuner: objective={metric!r}, direction={direction!r}",
                expected='"min" or "max": whether a lower or a higher value is better',
                fix=f'pass direction="max" if a higher {metric} is better, else "min"',
            )
        return cls(metric, direction)
