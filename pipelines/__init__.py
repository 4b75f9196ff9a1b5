"""Ready pipelines, one folder each, and the local runner.

* `taxi`: Chicago taxi trips, wide & deep classifier, from CSV to a pushed model.
* `titanic`: the guide's linear classifier, from CSV to a pushed model.
* `cats_vs_dogs`: MobileNetV2 as an estimator made from a Keras model.
* `digits`: handwritten digits, two workers in step.
* `usual`: the usual pipeline in a few lines, each part replaceable.
* `project`: a project of one's own, written from a look at the data.
* `catalog`: pipelines by name or file.
* `parameters`: what of a pipeline can be set for one run.
* `keras_export`: a trained model as a Keras 3 model.
* `prediction`: predictions for the rows of a file, beside the file's own columns.
* `workspace`, `closing_table`: the folders of a ready pipeline, and what a run came to.
* `runners`: what can run a pipeline, by name; `runner`: running one in this process.
* `beam_objects`: lets go of the object that Beam's steps shared last.
* `beam_workers`: ends Beam's worker processes where a run is interrupted.
* `chosen_steps`: a part of a pipeline to run.
* `planning`: what a run would do.
* `recording`: tells ML Metadata of checkpoints, after every run.
* `step_resources`: what a step gets of this machine; `steps`: each announced and timed.
* `display`: what the user sees of a run while it runs.
* `data_checks`: TFX's StatisticsGen, SchemaGen and ExampleValidator, defined without their
  executors.
* `data_folder`: the folder that a user names with `--data`.
* `early_trial`: has the pusher's trial import TensorFlow while the step before still runs.
* `step_failures`: what the user is told of a step that failed.
* `side_by_side`: steps that do not need each other run at the same time.
* `late_operator`: executor operators that import an executor when it is run.
* `runner`: runs a pipeline in this process, by one of TFX's own runners.
* `steps`: what the user sees of a run: each step announced, timed, and cached ones named.
"""

__all__ = [
    "beam_objects",
    "beam_workers",
    "catalog",
    "cats_vs_dogs",
    "chosen_steps",
    "closing_table",
    "data_checks",
    "data_folder",
    "digits",
    "display",
    "early_trial",
    "keras_export",
    "late_operator",
    "parameters",
    "planning",
    "prediction",
    "project",
    "recording",
    "runner",
    "runners",
    "side_by_side",
    "step_failures",
    "step_resources",
    "steps",
    "taxi",
    "titanic",
    "usual",
    "workspace",
]
