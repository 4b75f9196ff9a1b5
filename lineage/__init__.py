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
* `artifacts`: puts artifacts that are not in the store, or not as they should be.
* `compare`: what two runs have done differently: parameters, columns, metrics.
* `connection`: where a store of ML Metadata is: what users say, as ml-metadata's own settings.
* `creation`: making the tables of an SQLite store: by one process, while the others wait.
* `events`: puts events that are not in the store.
* `facts`: what records say of artifacts, as properties in the store.
* `files`: what is asked of a file system.
* `garbage`: which checkpoints nothing needs any more, and removing them.
* `ran`: what the steps of a run did and made, those of a cached step by the execution it stands
  for.
* `restore`: puts a checkpoint into a folder that a training can begin with.
* `sqlite_file`: the SQLite file of a store: where it is, and whether it is one.
* `upgrade`: bringing an SQLite store of an older ML Metadata to the schema of this one.
* `versions`: versions that were pushed: the models behind them, and which ones are served.
"""

__all__ = [
    "checkpoint_store",
    "checkpoints",
    "compare",
    "creation",
    "digests",
    "documents",
    "files",
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
