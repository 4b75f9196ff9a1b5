"""Ready pipelines, one folder each, and the local runner.

* `taxi`: Chicago taxi trips, wide & deep classifier, from CSV to a pushed model.
* `titanic`: the guide's linear classifier, from CSV to a pushed model.
* `cats_vs_dogs`: MobileNetV2 as an estimator made from a Keras model.
* `catalog`: pipelines by name or file.
* `workspace`, `closing_table`: the folders of a ready pipeline, and what a run came to.
* `runners`: what can run a pipeline, by name; `runner`: running one in this process.
* `recording`: tells ML Metadata of checkpoints, after every run.
* `step_resources`: what a step gets of this machine.
"""

__all__ = [
    "catalog",
    "cats_vs_dogs",
    "closing_table",
    "recording",
    "runner",
    "runners",
    "step_resources",
    "taxi",
    "titanic",
    "workspace",
]
