"""Which modules of the process see Keras 2 as their `tf.keras`.

Modules that make estimators were written for it, and so were the layers, heads and
optimizers of the libraries that they import. From TensorFlow 2.16 on the process's own
`tf.keras` is Keras 3. Keras 2 goes to a module that is named here, and to whatever such a
module imports, directly or not; never to TensorFlow's and TFX's own packages, to Keras
itself or to KerasTuner, which choose their Keras themselves.

A module that somebody else imported before saw Keras 3. When a module with Keras 2 imports
it, it is run again: the earlier importer keeps its copy, later ones get the new one.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = [
    "BUILTINS",
    "SWITCH",
    "forget",
    "forget_other_copies",
    "includes",
    "is_asked_about",
    "is_keras_2_everywhere",
    "is_keras_2_selected",
    "recognize_makers",
    "see_keras_2",
    "see_keras_2_in",
]

BUILTINS: dict[str, Any] = dict(vars(builtins))
"""What a module that sees Keras 2 runs with, and is known by."""

_names_given: set[str] = set()
_folders: set[pathlib.Path] = set()
_makers_are_recognized = False

_CHOOSE_THEMSELVES = frozenset(
    {
        "apache_beam",
        "keras",
        "keras_core",
        "keras_cv",
        "keras_hub",
        "keras_nlp",
        "keras_tuner",
        "kerastuner",
        "kt_legacy",
        "ml_metadata",
        "tensorboard",
        "tensorflow",
        "tensorflow_data_validation",
        "tensorflow_datasets",
        "tensorflow_estimator",
        "tensorflow_hub",
        "tensorflow_metadata",
        "tensorflow_model_analysis",
        "tensorflow_serving",
        "tensorflow_text",
        "tensorflow_transform",
        "tf_keras",
        "tfx",
        "tfx_bsl",
        "tfx_estimators",
    }
)
"""Top-level packages that decide for themselves which Keras they use."""

_NO_KERAS = frozenset(
    {
        *sys.stdlib_module_names,
        *("IPython", "absl", "attr", "google", "grpc", "h5py", "jax", "matplotlib", "numba"),
        *("numpy", "pandas", "pyarrow", "scipy", "six", "sklearn", "torch", "tqdm", "yaml"),
    }
)
"""Top-level packages that use none: there are large ones among them, to be left alone."""

SWITCH = "TF_USE_LEGACY_KERAS"
"""TensorFlow's environment variable for taking Keras 2 in the whole process."""


def is_keras_2_everywhere() -> bool:
    """Whether the user had TensorFlow take Keras 2 for the whole process.

    TensorFlow decides when it is imported, and keeps it (`tensorflow._tf_uses_legacy_keras`,
    seen on 2.16 to 2.21): later TensorFlow Transform sets the variable, which then
    reaches parts of TensorFlow only.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and hasattr(tensorflow, "_tf_uses_legacy_keras"):
        return bool(tensorflow._tf_uses_legacy_keras)
    return is_keras_2_selected()


def is_keras_2_selected() -> bool:
    """Whether TensorFlow, if it is imported now, takes Keras 2 for the whole process."""
    return os.environ.get(SWITCH) in ("1", "true", "True")


def see_keras_2(name: str) -> None:
    """Gives a module Keras 2, and what it imports; see `loading.give_keras_2`."""
    _names_given.add(name)
    _forget_another_copy(name)


def see_keras_2_in(folder: pathlib.Path) -> None:
    """Gives every module directly in the folder Keras 2."""
    _folders.add(folder)


def recognize_makers() -> None:
    """Gives Keras 2 to modules outside site-packages whose code names TensorFlow's estimators.

    From now on, and whoever imports them: components that know nothing of estimators do.
    """
    global _makers_are_recognized
    _makers_are_recognized = True


def is_asked_about(name: str) -> bool:
    """Whether `includes` may say yes. Quick: it is asked at every import."""
    if name in _names_given or _folders:
        return True
    return not _is_left_alone(name) and (_makers_are_recognized or _sees_keras_2(_importer()))


def includes(name: str, spec: importlib.machinery.ModuleSpec) -> bool:
    """Whether a module that is about to be loaded is to see Keras 2.

    Args:
        name: its dotted name.
        spec: as Python found it.
    """
    if name in _names_given:
        return True
    if spec.origin and pathlib.Path(spec.origin).parent in _folders:
        return True
    if _is_left_alone(name):
        return False
    return _sees_keras_2(_importer()) or (_makers_are_recognized and _makes_estimators(spec))


def forget_other_copies(
    name: str,
    globals: Mapping[str, Any] | None,
    items: Sequence[str] | None,
    level: int,
) -> None:
    """Has modules run again that others have imported and that saw Keras 3.

    Args:
        name: what a module that sees Keras 2 imports, as `__import__` is told.
        globals: of the importing module.
        items: the names after `from ... import`.
        level: how many dots there are before the name.
    """
    if level:
        package = (globals or {}).get("__package__") or ""
        name = importlib.util.resolve_name("." * level + name, package)
    if _is_left_alone(name):
        return
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        _forget_another_copy(".".join(parts[:count]))
    for item in items or ():
        _forget_another_copy(f"{name}.{item}")


def forget(name: str) -> None:
    """Takes a module out of `sys.modules`, to be imported anew.

    With the flags it defined: absl lets no other module of that name define them again.
    """
    module = sys.modules.pop(name)
    flags = sys.modules.get("absl.flags")
    if flags is None:
        return
    for flag in list(flags.FLAGS.flags_by_module_id_dict().get(id(module), ())):
        if flag.name in flags.FLAGS:
            delattr(flags.FLAGS, flag.name)


def _forget_another_copy(name: str) -> None:
    module = sys.modules.get(name)
    if module is None or name == "__main__" or is_keras_2_everywhere():
        return
    spec = getattr(module, "__spec__", None)
    if _sees_keras_2(vars(module)) or not _is_source(spec) or _is_being_run(spec):
        return
    if name in _names_given or not _is_installed(spec) or _uses_tensorflow(module):
        forget(name)


def _sees_keras_2(names: Mapping[str, Any] | None) -> bool:
    return names is not None and names.get("__builtins__") is BUILTINS


def _uses_tensorflow(module: types.ModuleType) -> bool:
    """Whether it holds something of TensorFlow's, or of a module that does."""
    seen, pending = {module.__name__}, [module]
    while pending:
        for origin in set(_origins(pending.pop())) - seen:
            if origin.partition(".")[0] in ("tensorflow", "keras"):
                return True
            seen.add(origin)
            other = sys.modules.get(origin)
            if other is not None and not _is_left_alone(origin):
                pending.append(other)
    return False


def _origins(module: types.ModuleType) -> Iterator[str]:
    """The modules that a module's names come from."""
    for value in list(vars(module).values()):
        if isinstance(value, types.ModuleType):
            yield value.__name__
        elif isinstance(value, (type, types.FunctionType)):
            yield str(value.__module__)
            if isinstance(value, type):
                yield from (str(base.__module__) for base in value.__mro__)


def _is_left_alone(name: str) -> bool:
    top = name.partition(".")[0]
    return top in _CHOOSE_THEMSELVES or top in _NO_KERAS


def _is_source(spec: Any) -> bool:
    return isinstance(getattr(spec, "loader", None), importlib.machinery.SourceFileLoader)


def _is_being_run(spec: Any) -> bool:
    return bool(getattr(spec, "_initializing", False))


def _is_installed(spec: Any) -> bool:
    parts = pathlib.Path(spec.origin or "").parts
    return "site-packages" in parts or "dist-packages" in parts


def _importer() -> Mapping[str, Any] | None:
    """The globals of the module that has an import under way."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] != "importlib" and not name.startswith(
            ("tfx_estimators.estimator.", "_frozen_importlib")
        ):
            return frame.f_globals
        frame = frame.f_back
    return None


def _makes_estimators(spec: importlib.machinery.ModuleSpec) -> bool:
    """Whether the code of a module that is not installed names TensorFlow's estimators."""
    if not _is_source(spec) or _is_installed(spec):
        return False
    loader: Any = spec.loader
    try:
        names = set(_names(loader.get_code(spec.name)))
    except (SyntaxError, OSError):
        return False  # whoever imports it is told
    if any(name.partition(".")[0] == "tensorflow_estimator" for name in names):
        return True
    from_tensorflow = any(name.partition(".")[0] == "tensorflow" for name in names)
    return from_tensorflow and any(name.rpartition(".")[2] == "estimator" for name in names)


def _names(code: types.CodeType) -> Iterator[str]:
    """Every name that the code uses or imports, functions and classes in it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
