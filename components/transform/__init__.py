"""`FeatureColumnTransform`: feature columns on Beam, in TFX Transform's formats.

* `spec`, `component`: what the pipeline sees.
* `executor`: checks the schema, runs the Beam pipeline, writes `columns.json`.
* `preprocessing`: the preprocessing function made of the columns.
* `analyzers`: TF Transform's analyses, for the columns that learn.
* `schema_check`: the columns against the schema, before anything runs.
* `stages`: the Beam stages.
* `writing`: transformed examples to files.
"""

__all__ = [
    "analyzers",
    "component",
    "executor",
    "preprocessing",
    "schema_check",
    "spec",
    "stages",
    "writing",
]
