"""The guide's MobileNetV2 example as a pipeline: an estimator made from a Keras model.

* `model`: MobileNetV2 with a frozen base, and its input functions.
* `pipeline`: the DAG.
* `data`: images that are made up.
"""

__all__ = ["data", "model", "pipeline"]
