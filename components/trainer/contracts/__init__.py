"""What a user's module may define for the trainer, and how each is trained.

* `precedence`: the contracts, in order of precedence.
* `dispatch`: loads the module and trains by its contract.
* `columns`: `feature_columns` with `estimator_fn`.
* `fn_args`: `run_fn` and `trainer_fn`.
* `settings`: `custom_config` and hyperparameters.
* `warm_start`: starts from a base model's weights.
* `row_readers`: which variables have a row for each value of a column.
* `row_record`: what the rows of a model's weights stand for.
* `class_names`: which class each output of a model stands for.
* `legacy_tfma`: `tfma.export` for modules of the EvalSavedModel era.
"""

__all__ = [
    "class_names",
    "columns",
    "dispatch",
    "fn_args",
    "legacy_tfma",
    "row_readers",
    "row_record",
    "settings",
    "warm_start",
]
