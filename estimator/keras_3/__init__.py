"""Keras 3 models for `model_to_estimator`.

* `conversion`: a model made again in Keras 2, or refused with the reason.
* `configs`: what its layers are made from.
* `compilation`: how it was compiled.
* `saved_models`: models that were saved.
* `variables`: Keras 3 variables in an estimator's graph: refused where they are made.
"""

__all__ = ["compilation", "configs", "conversion", "saved_models", "variables"]
