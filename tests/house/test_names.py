"""One name, one meaning: modules and public classes of one name are alike in what they are."""

from __future__ import annotations

import ast
import collections
import pathlib

import tfx_estimators

SOURCE = pathlib.Path(tfx_estimators.__path__[0])

# What modules and classes that share a name have in common.
MODULES = {
    "component": "a TFX component",
    "executor": "what a TFX component does",
    "spec": "channels and parameters of a TFX component",
    "data": "a pipeline's example data",
    "model": "the module of a pipeline's estimator",
    "pipeline": "the definition of a pipeline",
    "runner": "runs, or writes, a pipeline",
    "interface": "what another implementation has to provide",
    "report": "an account for people, and the command that writes it",
    "analysis": "what the columns ask of the data",
    # A section of the report is named after what it is about.
    "training": "a training",
    "columns": "the feature columns of a training",
    "predictions": "what a model predicts",
    "evaluation": "an evaluation, or computing columns for one",
    "cluster": "objects on a Kubernetes API server",
    "checkpoints": "checkpoints: on disk, and in ML Metadata",
    "versions": "pushed versions: their folders, and in ML Metadata",
    # A command's module is named after what the command is about.
    "checkpoint_store": "the folder of all trainings' checkpoints",
    "shipped_files": "files for a cluster that ship with the package",
}
CLASSES = {
    "Finding": "a problem that a check has found",
    "Version": "a pushed version",
    "Report": "an account for people",
}


def test_modules_of_one_name_are_alike() -> None:
    found = collections.defaultdict(list)
    for path in _modules():
        found[path.stem].append(str(path.relative_to(SOURCE)))
    assert _shared(found).keys() <= MODULES.keys(), _shared(found)


def test_public_classes_of_one_name_are_alike() -> None:
    found = collections.defaultdict(list)
    for path in _modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(SOURCE)))
    assert _shared(found).keys() <= CLASSES.keys(), _shared(found)


def test_no_shared_name_is_excused_in_vain() -> None:
    stems = collections.Counter(path.stem for path in _modules())
    assert all(stems[name] > 1 for name in MODULES)


def _modules() -> list[pathlib.Path]:
    rooms = [SOURCE, *(path for path in SOURCE.iterdir() if path.is_symlink())]
    found = {path for room in rooms for path in room.rglob("*.py")}
    return sorted(path for path in found if not path.stem.startswith("__"))


def _shared(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: places for name, places in found.items() if len(places) > 1}
