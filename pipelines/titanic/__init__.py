"""The guide's Titanic example as a pipeline: who survives?

* `model`: columns, estimator, and the guide's input function.
* `pipeline`: the DAG.
* `data`: passengers that are made up.
"""

__all__ = ["data", "model", "pipeline"]
