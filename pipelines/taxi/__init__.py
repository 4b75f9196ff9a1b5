"""The Chicago taxi pipeline.

* `model`: what a user writes: columns, estimator, label.
* `pipeline`: the DAG.
* `data`: where the trips come from.
* `verdict`: metrics and thresholds.
"""

__all__ = ["data", "model", "pipeline", "verdict"]
