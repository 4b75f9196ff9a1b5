"""The guide's multi-worker tutorial as a pipeline: which digit is it?

* `model`: columns and a convolutional network as a custom `model_fn`.
* `pipeline`: the DAG; the trainer is two processes that train in step.
* `data`: real handwritten digits, out of scikit-learn.
"""

__all__ = ["data", "model", "pipeline"]
