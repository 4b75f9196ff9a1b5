"""Queries to ML Metadata, and the records that are imported into it.

Queries:

* `runs`: runs of pipelines and their steps.
* `checkpoints`: checkpoints that ML Metadata knows.
* `models`: models, the verdicts on them, and where they were pushed.
* `versions`: pushed versions: the models behind them, and which ones are served.
* `trace`: from a pushed version to the rows it was trained on, and what came of anything.
* `compare`: what two runs did differently: parameters, columns, metrics.
* `outputs`: what a node of a pipeline last produced.

What they are made of:

* `store`: a connection to ML Metadata that waits its turn.
* `select`: selects artifacts, executions and contexts by conditions.
* `graph`: who made what, and from what.
* `ran`: what the steps of a run did and made.
* `properties`: names and types of the facts on artifacts.
* `database`: the database behind a store.

Records:

* `records`: what components write beside their files, to be imported later.
* `record_files`: records as files.
* `documents`: reading JSON files that this package wrote.
* `digests`: digests of checkpoints.
* `files`: the file operations that this package needs.
* `reconcile`: imports records into ML Metadata.
* `importing`: its parts.

* `maintenance`: what an operator does with checkpoints and with a store.
"""

__all__ = [
    "checkpoints",
    "compare",
    "database",
    "digests",
    "documents",
    "files",
    "graph",
    "importing",
    "maintenance",
    "models",
    "outputs",
    "properties",
    "ran",
    "reconcile",
    "record_files",
    "records",
    "runs",
    "select",
    "store",
    "trace",
    "versions",
]
