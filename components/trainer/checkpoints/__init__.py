"""What a training leaves on disk: its folder, checkpoints, records and exports.

* `training`: a training and where an execution of it begins.
* `store_folder`: where the trainings' folders lie.
* `training_folder`: the folder of a training, found by its fingerprint and held by one process.
* `extension`: goes on from a finished training of fewer steps.
* `fingerprint`: all that determines what a training comes to.
* `retention`: which checkpoints are kept.
* `recorder`: a record beside every checkpoint.
* `recording_listener`: records checkpoints as TensorFlow writes them.
* `recording_hook`: recording where TensorFlow calls no listeners.
* `evaluations`: the metrics of each evaluated step.
* `example_counter`: counts the examples of every batch.
* `examples_note`: how many examples had been trained on at some step.
* `model_dirs`: folders outside the training's own that it writes checkpoints to.
* `vocabularies`: what the rows of a training's weights stand for.
* `eval_receiver`: what an `eval_input_receiver_fn` says, as JSON.
* `exports`: the SavedModels below a model_dir, and which of them is published.
* `finished_model`: the SavedModel that a training has come to.
* `serving_graph`: an exported graph without the parts that only training needs.
* `model_run`: what a training that has ended publishes.
* `adoption`: takes over a checkpoint that somebody else has written.
* `graph_ids`: what ids stand for in the graph that a checkpoint was written with.
"""

__all__ = [
    "adoption",
    "eval_receiver",
    "evaluations",
    "example_counter",
    "examples_note",
    "exports",
    "extension",
    "fingerprint",
    "finished_model",
    "graph_ids",
    "model_dirs",
    "model_run",
    "recorder",
    "recording_hook",
    "recording_listener",
    "retention",
    "serving_graph",
    "store_folder",
    "training",
    "training_folder",
    "vocabularies",
]
