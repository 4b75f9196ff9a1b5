"""How `reconcile` puts records into ML Metadata, one module for each kind of entry.

* `executions`: the execution that wrote a record.
* `facts`: what records say of artifacts, as properties.
* `wanted_artifacts`: puts artifacts that are missing or out of date.
* `events`: puts events that are missing.
"""

__all__ = ["events", "executions", "facts", "wanted_artifacts"]
