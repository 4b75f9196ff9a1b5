"""Where in the user's own files an exception came from, and what it says.

Whatever is asked of an exception here is answered: one whose text cannot be made, or whose
class nobody else can import, is still shown.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import sys
import sysconfig
import tempfile
import traceback
from collections.abc import Iterator

__all__ = ["CodeLine", "describe", "find_place", "full_trace", "root_cause", "text_of"]

_TRACE = "Traceback (most recent call last)"
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)', re.M)
_PACKAGE = pathlib.Path(__file__).absolute().parent.parent
_ROOMS = {_PACKAGE, *(path.resolve() for path in _PACKAGE.iterdir() if path.is_dir())}
_SCHEMES = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
_NOT_THE_USERS = tuple(
    f"{folder}/" for folder in {str(p) for p in _ROOMS} | {sysconfig.get_path(s) for s in _SCHEMES}
)
_INSTALLED = ("/site-packages/", "/dist-packages/")
_GENERATED = "__autograph_generated_file"


@dataclasses.dataclass(frozen=True)
class CodeLine:
    """A line of a user's file.

    Attributes:
        file: its path; its name alone where TFX has packaged a copy.
        line: from 1.
        function: what it is part of.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, in {self.function}"


def text_of(error: BaseException) -> str:
    """What an exception says, also where its `__str__` fails."""
    try:
        return str(error)
    except (Exception, SystemExit) as failure:
        return f"<its text cannot be made: {type(failure).__name__}>"


def describe(error: BaseException) -> str:
    """The class and the text, without the trace that Beam puts into the text."""
    text = text_of(error)
    if _TRACE in text:
        # What follows the last frame and its source line: the innermost error.
        lines = (
            text[[*_FRAME.finditer(text)][-1].end() :].splitlines() if _FRAME.search(text) else []
        )
        innermost = [line for line in lines if line and not line.startswith(" ")]
        if innermost:
            return "\n".join(innermost)
    return f"{type(error).__name__}: {text}"


def find_place(error: BaseException) -> CodeLine | None:
    """The last line of the user's files on the way to an exception.

    The cause comes before what was raised from it: an error of ours, raised from one of
    the user's module, happened in the module.

    Returns:
        None where no file of the user's took part.
    """
    chain = list(_causes(error))
    for one in reversed(chain):
        place = vars(one).get("place")
        if isinstance(place, CodeLine):
            return place
        frames = traceback.extract_tb(one.__traceback__)
        found = [f for f in frames if _is_the_users(f.filename) and f.lineno is not None]
        if found:
            return _place(found[-1].filename, found[-1].lineno or 0, found[-1].name)
    for one in reversed(chain):
        # From another process, or from AutoGraph: frames are in the text.
        named = [m for m in _FRAME.finditer(text_of(one)) if _is_the_users(m["file"])]
        if named:
            return _place(named[-1]["file"], int(named[-1]["line"]), named[-1]["function"])
    return None


def root_cause(error: BaseException) -> BaseException:
    """What an exception was raised from, and that in turn; itself where it is the first."""
    return list(_causes(error))[-1]


def full_trace(error: BaseException) -> str:
    """Everything Python knows of an exception and its causes."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__


def _place(file: str, line: int, function: str) -> CodeLine:
    path = pathlib.Path(file)
    # TFX installs modules into a temporary folder of its own; the user knows the name.
    packaged = pathlib.Path(tempfile.gettempdir()) == path.parent.parent
    return CodeLine(path.name if packaged and not path.exists() else file, line, function)


def _is_the_users(file: str) -> bool:
    if file.startswith("<") or _GENERATED in file:
        return False
    path = str(pathlib.Path(file).absolute())
    if path.startswith(_NOT_THE_USERS) or any(part in path for part in _INSTALLED):
        return False
    return not path.startswith(f"{sys.base_prefix}/lib/python")
