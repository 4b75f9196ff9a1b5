"""The database behind a store of ML Metadata.

* `connection`: what users say of its place, as ml-metadata's own settings.
* `sqlite_file`: the SQLite file of a store: where it is, and whether it is one.
* `table_creation`: makes the tables of an SQLite store; one process does, the others wait.
* `tables`: queries to the tables of an SQLite store.
"""

__all__ = ["connection", "sqlite_file", "table_creation", "tables"]
