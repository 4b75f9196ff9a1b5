"""What an evaluation comes to: metrics, verdict, blessing, skew.

* `findings`: from TFMA's result messages to a `Report`.
* `blessing`: the ModelBlessing artifact, as TFX's Evaluator writes it.
* `skew`: whether a model is served what it was trained on.
* `stock_metrics`: metrics that an Evaluator of TFX's own has left.
"""

__all__ = ["blessing", "findings", "skew", "stock_metrics"]
