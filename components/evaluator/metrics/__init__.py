"""Metrics of this package, and computing them over whole batches.

* `measures`: metrics as sums over rows, in NumPy alone.
* `measure_combiner`: a measure of this package as a combiner of Beam, whatever its rows come in.
* `batch_metrics`: the fast path: TFMA's pipeline over whole batches instead of single examples.
* `by_example`: the same measures as TFMA metrics that take one example at a time.
* `estimator_auc`: the estimator API's AUC as a TFMA metric.
* `poisson_loss`: the loss of the estimator API's Poisson head as a TFMA metric.
* `defined_auc`: TFMA's own AUC, but undefined where there is no curve.
* `merged_once`: TFMA's own metrics, with each part of the examples counted once.
"""

__all__ = [
    "batch_metrics",
    "by_example",
    "defined_auc",
    "estimator_auc",
    "measure_combiner",
    "measures",
    "merged_once",
    "poisson_loss",
]
