"""Ready pipelines, one folder each, and the local runner.

* `taxi`: Chicago taxi trips, wide & deep classifier, from CSV to a pushed model.
* `catalog`: pipelines by name or file.
* `runner`: runs a pipeline on TFX's LocalDagRunner or BeamDagRunner.
"""

__all__ = ["catalog", "runner", "taxi"]
