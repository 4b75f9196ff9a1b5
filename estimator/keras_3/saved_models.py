"""Models that Keras 3 has saved."""

from __future__ import annotations

import importlib
import json
import pathlib
import zipfile
from typing import Any

__all__ = ["load"]


def load(path: str) -> Any:
    """Loads a model that Keras 3 has saved, as `.keras` or as HDF5.

    Returns:
        A Keras 3 model; None if the file is anything else, or not on this machine.
    """
    if pathlib.Path(path).is_file() and _version(path).startswith("3."):
        return importlib.import_module("keras").models.load_model(path)
    return None


def _version(path: str) -> str:
    """The Keras that a file names as its writer; empty if it names none."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as held:
            if "metadata.json" in held.namelist():
                return str(json.loads(held.read("metadata.json")).get("keras_version", ""))
        return ""
    h5py = importlib.import_module("h5py")
    if not h5py.is_hdf5(path):
        return ""
    with h5py.File(path, "r") as held:
        version = held.attrs.get("keras_version", "")
    return version.decode() if isinstance(version, bytes) else str(version)
