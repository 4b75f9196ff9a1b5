"""Finds the folder of the checkpoints that a store of ML Metadata knows."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, value_of
from tfx_estimators.lineage.select import select
from tfx_estimators.lineage.store import Store
from tfx_estimators.places import canonical, is_local

__all__ = ["find_store"]

_TRAINING = "fingerprint"
# Below a run's folder: as ready pipelines have them, and below a pipeline_root.
_USUAL = ("checkpoints", "artifacts/checkpoints")


def find_store(store: Store) -> str:
    """The folder of all trainings' folders.

    Raises:
        NotInMetadataError: if there is none, or several may be meant.
    """
    # STORE/FINGERPRINT/model.ckpt-1200, or a folder further down; a module may also keep
    # its checkpoints outside of any store.
    known = set()
    for artifact in select(store, "artifacts", CHECKPOINT_TYPE):
        folder, below, _ = canonical(artifact.uri).rpartition(f"/{value_of(artifact, _TRAINING)}/")
        if below:
            known.add(folder)
    there = {folder for folder in known if not is_local(folder) or pathlib.Path(folder).is_dir()}
    found = sorted(there or set(_beside(store)))
    if len(found) != 1:
        problem = f"{len(found)} checkpoint stores are possible" if found else (
            f"{store.name} has no checkpoints, and there is no checkpoint store beside it"
        )  # fmt: skip
        raise NotInMetadataError(
            problem,
            expected=", ".join(found) or "the metadata of a pipeline that has trained a model",
            fix="pass FOLDER, the trainer's checkpoint_store",
        )
    return found[0]


def _beside(store: Store) -> Iterator[str]:
    if store.database is not None:
        around = store.database.absolute().parent
        for root in (around, around.parent):
            for folder in _USUAL:
                if (root / folder).is_dir():
                    yield canonical(str(root / folder))
