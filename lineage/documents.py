"""Reads JSON files that this package wrote, and says what is damaged in them.

A kind of file is a dataclass, or any type that pydantic takes. Bytes that are not UTF-8,
numbers that are not finite or too large, half surrogates, deep nesting, keys that are
missing or unknown, values of other types: each is a `DamagedFileError` that names the
file. What cannot be read at present is not damaged, and stays the OSError it is.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from annotated_types import Ge, Le, Lt

from tfx_estimators.errors import DamagedFileError

if TYPE_CHECKING:
    from tfx_estimators.lineage.files import Files

__all__ = ["Count", "Int64", "Seconds", "is_text", "parse", "read"]

Int64 = Annotated[int, Ge(-(1 << 63)), Lt(1 << 63)]
"""A whole number that ML Metadata, and every other reader, can hold."""

Count = Annotated[Int64, Ge(0)]
"""A number of things, or of a step."""

Seconds = Annotated[float, Ge(0), Le(253402300799)]
"""A moment in seconds since 1970 (UTC), not in milliseconds: until the year 9999."""

_T = TypeVar("_T")


def is_text(text: str) -> bool:
    """Whether ML Metadata keeps a text as it is; at a NUL it may end."""
    return "\0" not in text


def read(path: str, kind: type[_T], files: Files) -> _T:
    """Reads a file.

    Args:
        path: the file.
        kind: what is in it, see `parse`.
        files: the file system.

    Raises:
        DamagedFileError: if its content is not of that kind.
        OSError: if it cannot be read; on a bucket, TensorFlow's error that says so.
    """
    with files.open(path, "rb") as file:
        content = file.read()
    return parse(content, kind, path)


def parse(content: bytes | str, kind: type[_T], source: str) -> _T:
    """Reads JSON.

    Args:
        content: JSON, UTF-8 where it is bytes.
        kind: a dataclass, whose fields are checked strictly, or another type.
        source: what to call it in errors, usually its path.

    Raises:
        DamagedFileError: if it is not of that kind.
    """
    from pydantic import ValidationError

    if isinstance(content, str):
        # Half a surrogate has no bytes; as these it is found to be wrong.
        content = content.encode(errors="surrogatepass")
    try:
        value: _T = _adapter(cast(Hashable, kind)).validate_json(content, strict=True)
    except ValidationError as error:
        raise _damaged(source, error) from error
    return value


@functools.cache
def _adapter(kind: Any) -> Any:
    import dataclasses

    from pydantic import ConfigDict, TypeAdapter

    if dataclasses.is_dataclass(kind):
        return TypeAdapter(kind)
    return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))


def _damaged(source: str, error: Any) -> DamagedFileError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    problem = f"{where}: {first['msg']}" if where else first["msg"]
    more = error.error_count() - 1
    return DamagedFileError(
        f"{source} is damaged: {problem}{f', and {more} more' if more else ''}",
        expected="a complete file written by tfx-estimators",
        fix="none needed if its writer was killed; else restore it from a backup, or remove it",
    )
