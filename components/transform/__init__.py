"""`FeatureColumnTransform`: feature columns on Beam, in TFX Transform's formats.

* `spec`, `component`: what the pipeline sees.
* `executor`: checks the schema, runs the Beam pipeline, writes `columns.json`.
* `preprocessing`: the preprocessing function made of the columns.
* `summaries`: what columns ask about a feature, and the summary of its values that answers it.
* `analysis`: the questions and answers of a run, and the one pass in between.
* `analyzers`: answers and TF Transform's own analyses, for the columns that learn.
* `analyzer_cache`: TF Transform's analyses kept from one run to the next.
* `transform_graph`: the transform graph, built, written and applied.
* `schema_check`: the columns against the schema, before anything runs.
* `stages`: the Beam stages.
* `reading`: files of raw examples to record batches.
* `statistics`: TFDV's, before and after, where asked for.
* `writing`: transformed record batches to serialized tf.Examples, as a Beam DoFn.
* `distinct`: stops an analysis whose vocabulary would be too large before it is counted.
* `failures`: errors from inside a Beam run, as the user should see them.
* `example_weights`: features that the user's estimator uses as example weights.
"""

__all__ = [
    "analysis",
    "analyzer_cache",
    "analyzers",
    "component",
    "executor",
    "failures",
    "preprocessing",
    "reading",
    "schema_check",
    "spec",
    "stages",
    "statistics",
    "summaries",
    "transform_graph",
    "writing",
]
