"""What an operator does with checkpoints and with a store of ML Metadata.

* `checkpoint_store`: finds the folder of all trainings' checkpoints.
* `restore`: copies a checkpoint into a folder that a training can start from.
* `garbage`: finds checkpoints that nothing needs any more, and removes them.
* `unfinished`: ends executions whose process was killed.
* `verdicts`: withdraws the verdict on a model.
* `upgrade`: brings the SQLite file of an older ML Metadata to the present schema.
"""

__all__ = ["checkpoint_store", "garbage", "restore", "unfinished", "upgrade", "verdicts"]
