"""Questions to ML Metadata.

* `records`, `record_files`: what components write beside their files, to be told later.
* `reconcile`, `origins`: telling ML Metadata what the records say.
* `store`: a connection that waits its turn; `select`, `tables`: what fits conditions.
* `outputs`: what a pipeline's node last produced.
* `properties`, `digests`: names and values of facts; digests of contents.
"""

__all__ = [
    "digests",
    "origins",
    "outputs",
    "properties",
    "reconcile",
    "record_files",
    "records",
    "select",
    "store",
    "tables",
]
