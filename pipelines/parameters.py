"""Parameters of a pipeline that can be set for one run: arguments of `create_pipeline`.

Every argument with a default is one, beside `root` and `data`. It is called as the argument
is, or as its `Parameter` says:

    def create_pipeline(
        root,
        data=None,
        *,
        train_steps: Annotated[int, Parameter("trainer.train_steps")] = 1000,
    ):
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["Declared", "Parameter", "declared_parameters", "parse_settings"]

_GIVEN = ("root", "data")
_LISTS = (list, tuple, collections.abc.Sequence)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What an argument is called by `--set`.

    Attributes:
        name: e.g. "trainer.train_steps".
    """

    name: str


@dataclasses.dataclass(frozen=True)
class Declared:
    """A parameter of a pipeline.

    Attributes:
        name: what `--set` calls it.
        argument: the argument of `create_pipeline`.
        type: its type; None where neither an annotation nor the default tells.
        default: its default.
        about: the line on it in the docstring; "" if there is none.
    """

    name: str
    argument: str
    type: Any
    default: Any
    about: str

    @property
    def shown_default(self) -> str:
        """The default as `--set` takes it."""
        if isinstance(self.default, (tuple, list)):
            return ",".join(map(str, self.default))
        return str(self.default)

    @property
    def shown_type(self) -> str:
        """The type in a word or two, such as "int" or "list of int"."""
        return "text" if self.type is None else _in_words(self.type)


def declared_parameters(create: Callable[..., Any]) -> list[Declared]:
    """The parameters of a pipeline.

    Args:
        create: its `create_pipeline`.
    """
    try:
        hints = typing.get_type_hints(create, include_extras=True)
    except Exception:  # An annotation that only a type checker can resolve.
        hints = {}
    lines = _described(inspect.getdoc(create) or "")
    found = []
    for argument in inspect.signature(create).parameters.values():
        has_default = argument.default is not argument.empty
        if argument.name in _GIVEN or not has_default:
            continue
        hint = _annotated(hints.get(argument.name))
        name = argument.name
        if typing.get_origin(hint) is typing.Annotated:
            hint, *notes = typing.get_args(hint)
            name = next((note.name for note in notes if isinstance(note, Parameter)), name)
        if hint is None and argument.default is not None:
            hint = type(argument.default)
        found.append(
            Declared(name, argument.name, hint, argument.default, lines.get(argument.name, ""))
        )
    return found


def parse_settings(declared: Sequence[Declared], settings: Sequence[str]) -> dict[str, Any]:
    """The arguments that `--set` asks for.

    Args:
        declared: the pipeline's parameters.
        settings: texts like "trainer.train_steps=2000". Of lists the items are separated by
            commas.

    Returns:
        argument of `create_pipeline` -> its value, of the argument's type.

    Raises:
        UnsupportedOptionError: with all that is wrong in them.
    """
    by_name = {one.name: one for one in declared}
    arguments: dict[str, Any] = {}
    wrong = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        parameter = by_name.get(name.strip())
        if not equals:
            wrong.append(f"--set {setting}: there is no value; write NAME=VALUE")
        elif parameter is None:
            wrong.append(f"--set {name}: the pipeline has no such parameter{_near(name, by_name)}")
        elif parameter.argument in arguments:
            wrong.append(f"--set {name}: given twice")
        else:
            try:
                arguments[parameter.argument] = _value(parameter, text)
            except ValueError:
                wrong.append(f"--set {name}={text}: this is no {parameter.shown_type}")
    if wrong:
        raise UnsupportedOptionError(
            "\n".join(wrong),
            expected=f"one of {', '.join(by_name) or 'no parameter at all'}",
            fix="tfx-estimators run --help PIPELINE lists the parameters with their types",
        )
    return arguments


def _annotated(hint: Any) -> Any:
    """The annotation without the None that Python 3.10 puts around it for a default of None."""
    parts = typing.get_args(hint)
    return next((one for one in parts if typing.get_origin(one) is typing.Annotated), hint)


def _in_words(kind: Any) -> str:
    parts = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if origin in _LISTS:
        return f"list of {_in_words(parts[0])}"
    if parts:
        return " or ".join(_in_words(part) for part in parts)
    return "None" if kind is type(None) else getattr(kind, "__name__", str(kind))


def _near(name: str, known: dict[str, Declared]) -> str:
    # `train_steps` may be asked for where it is called `trainer.train_steps`.
    near = [one for one in known if one.rpartition(".")[2] == name.rpartition(".")[2]]
    near = near or difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _value(parameter: Declared, text: str) -> Any:
    """A text as a value of the parameter's type.

    Raises:
        ValueError: if it is none.
    """
    from pydantic import TypeAdapter

    if parameter.type is None:
        return text
    kinds = [parameter.type, *typing.get_args(parameter.type)]
    is_list = any((typing.get_origin(kind) or kind) in _LISTS for kind in kinds)
    value: Any = text
    if is_list:
        value = [item.strip() for item in text.split(",") if item.strip()]
    if text == "None" and type(None) in kinds:
        value = None
    return TypeAdapter(parameter.type).validate_python(value)


def _described(text: str) -> dict[str, str]:
    """The lines of a docstring's "Args:" by argument, the first sentence of each."""
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        if line.strip() == "Args:":
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        elif inside and ":" in line:
            name, _, about = line.strip().partition(": ")
            if name.isidentifier():
                found[name] = about.rstrip(".")
    return found
