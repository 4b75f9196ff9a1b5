"""Makes TFX's cache notice what the modules of stock components import and read.

TFX's key for a step holds the Python files beside its `module_file`. Packages that the module
imports, files that it names, and all code of a function that is given by its dotted path
(`preprocessing_fn="package.module.function"`) are not in it: after an edit the step would be
answered from the cache. Here they are added to the key, and to nothing that is recorded. Where
there is nothing to add, the key is TFX's own, so older runs still answer.

This goes by `cache_utils.get_cache_context`, which TFX's launcher calls for every step, seen on
TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import io
import pathlib
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.module_sources import digest_of, find_source, whole_of
from tfx_estimators.errors import UserModuleError

__all__ = ["complete_cache_keys", "digest_beyond_tfx", "user_functions"]

_OURS = "module_digest"
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def complete_cache_keys() -> None:
    """From now on, steps that this process launches have complete keys in TFX's cache."""
    from tfx.orchestration.portable import cache_utils

    if not isinstance(cache_utils.get_cache_context, _CompleteCacheContext):
        cache_utils.get_cache_context = _CompleteCacheContext(cache_utils.get_cache_context)


class _CompleteCacheContext:
    """TFX's `get_cache_context`, with our digest among the parameters."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self._original = original

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        parameters = kwargs.get("parameters") or {}
        digest = digest_beyond_tfx(parameters)
        if digest is not None:
            kwargs["parameters"] = {**parameters, _OURS: digest}
        return self._original(*args, **kwargs)


def digest_beyond_tfx(parameters: Mapping[str, Any]) -> str | None:
    """SHA-256 of the files behind a step's user code that are not in TFX's own key.

    Args:
        parameters: the step's execution properties.

    Returns:
        None if there are none, or if the step is one of ours, which has a digest.

    Raises:
        OSError: if a file cannot be read.
    """
    if _OURS in parameters:
        return None
    path, file = parameters.get("module_path"), parameters.get("module_file")
    files: dict[str, pathlib.Path] = {}
    try:
        if path and "@" in path:  # as TFX packages a `module_file`: NAME@WHEEL
            name, _, wheel = path.partition("@")
            return _digest_beyond_wheel(name, wheel)
        if path:
            files = _of_module(path)
        elif file and pathlib.Path(file).is_file():
            source = pathlib.Path(file)
            files = {k: one for k, one in whole_of(source.stem, source).items() if one != source}
        else:
            for module in user_functions(parameters):
                files.update({f"{module} {k}": one for k, one in _of_module(module).items()})
    except UserModuleError:
        return None  # The step will say what is wrong with it.
    return digest_of(files) if files else None


def user_functions(parameters: Mapping[str, Any]) -> Iterator[str]:
    """The modules of functions that a stock component was given by their dotted paths."""
    for key, value in sorted(parameters.items()):
        if key.split("_")[-1] == "fn" and isinstance(value, str) and _FUNCTION.fullmatch(value):
            yield value.rpartition(".")[0]


def _digest_beyond_wheel(name: str, wheel: str) -> str | None:
    """What TFX has packaged is in its key, by the wheel's name."""
    files = files_for(wheel)
    try:
        with files.open(wheel, "rb") as packed:
            content = io.BytesIO(packed.read())
    except files.failures:
        return None
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary).resolve()
        with zipfile.ZipFile(content) as archive:
            archive.extractall(folder)
        whole = whole_of(name, folder / f"{name}.py")
        beyond = {label: one for label, one in whole.items() if folder not in one.parents}
        return digest_of(beyond) if beyond else None


def _of_module(name: str) -> dict[str, pathlib.Path]:
    source = find_source(name)
    return {} if source is None else whole_of(name, source)
