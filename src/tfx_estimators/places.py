"""What a place is: one spelling for one folder, file or object.

A path reaches this package from a command line, a pipeline, a record or ML Metadata, each
time spelled as somebody pleased: relative, with `//` or `..`, through a link. Whether two of
them mean the same place is decided here and nowhere else.
"""

from __future__ import annotations

import os
import posixpath
import re

__all__ = ["canonical", "inside", "is_local", "same"]

# As tf.io.gfile has it: gs://, s3://, hdfs://, file://.
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_LOCAL = "file"


def is_local(uri: str) -> bool:
    """Whether a place is on this machine's disks: a plain path, or one of `file://`."""
    match = _SCHEME.match(uri)
    return match is None or match[1].lower() == _LOCAL


def canonical(uri: str) -> str:
    """The one spelling of a place.

    Args:
        uri: a path, absolute or relative to the working folder, or SCHEME://HOST/PATH. It
            need not exist. A checkpoint's prefix will do.

    Returns:
        For a local place the absolute path with all links resolved, as they are now. For
        any other SCHEME://HOST/PATH without `.`, `..`, doubled or closing slashes. A bucket
        may hold objects that differ in these alone; taking them for one place errs on the
        side of keeping both.
    """
    match = _SCHEME.match(uri)
    if match is None:
        return _resolved(uri)
    scheme, rest = match[1].lower(), uri[match.end() :]
    host, _, path = rest.partition("/")
    if scheme == _LOCAL:
        return _resolved(f"/{path}")
    return f"{scheme}://{host}{_one_slash(posixpath.normpath(f'/{path}'))}".rstrip("/")


def same(one: str, other: str) -> bool:
    """Whether two spellings mean the same place."""
    return canonical(one) == canonical(other)


def inside(folder: str, path: str) -> bool:
    """Whether a place lies below a folder; the folder itself does not."""
    top, place = canonical(folder), canonical(path)
    return place != top and place.startswith(f"{top.rstrip('/')}/")


def _resolved(path: str) -> str:
    try:
        return _one_slash(os.path.realpath(path))
    except ValueError:  # A byte that no path can have: nothing lies there.
        return _one_slash(os.path.abspath(path))  # noqa: PTH100


def _one_slash(path: str) -> str:
    """Python leaves two slashes at the beginning as they are; here they mean one."""
    return f"/{path.lstrip('/')}"
