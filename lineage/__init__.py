"""Questions to ML Metadata.

* `documents`: files of ours are checked as they are read.
* `records`, `record_files`: what components write beside their files, to be told later.
* `reconcile`, `origins`: telling ML Metadata what the records say.
* `unfinished`: what was never said of executions whose process was killed.
* `store`: a connection that waits its turn; `creation`: a store that is made once.
* `select`, `tables`: what fits conditions.
* `runs`, `checkpoints`, `models`: listed, and found by what users call them.
* `graph`, `trace`: who made what from what; `ran`, `compare`: what two runs did differently.
* `checkpoint_store`: where checkpoints lie; `restore`: one taken out of it; `garbage`: what
  nothing needs any more.
* `verdicts`: a blessing taken back; `upgrade`: a store of an older ML Metadata.
* `outputs`: what a pipeline's node last produced.
* `properties`, `digests`: names and values of facts; digests of contents.
"""

__all__ = [
    "checkpoint_store",
    "checkpoints",
    "compare",
    "creation",
    "digests",
    "documents",
    "garbage",
    "graph",
    "models",
    "origins",
    "outputs",
    "properties",
    "ran",
    "reconcile",
    "record_files",
    "records",
    "restore",
    "runs",
    "select",
    "store",
    "tables",
    "trace",
    "unfinished",
    "upgrade",
    "verdicts",
]
