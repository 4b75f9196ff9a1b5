"""Every error: one tree, a builtin beside it, a message that survives pickling."""

from __future__ import annotations

import pickle

import pytest

from tfx_estimators import errors

NAMES = [name for name in errors.__all__ if name != "TfxEstimatorsError"]


@pytest.mark.parametrize("name", NAMES)
def test_errors_are_ours_and_a_builtin_and_survive_pickling(name: str) -> None:
    kind = getattr(errors, name)
    error = kind("what came", expected="what fits", fix="a command")
    assert isinstance(error, errors.TfxEstimatorsError)
    assert any(base.__module__ == "builtins" and base not in (object, Exception, BaseException)
               for base in kind.__mro__)  # fmt: skip
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error) == "what came\n  expected: what fits\n  fix: a command"


def test_the_page_shows_the_tree() -> None:
    def shown(kind: type[Exception], depth: int) -> list[str]:
        below = [line for child in kind.__subclasses__() for line in shown(child, depth + 1)]
        own = kind.__module__ == errors.__name__
        return ["    " * depth + kind.__name__, *below] if own else []

    assert "\n".join(shown(errors.TfxEstimatorsError, 1)) in str(errors.__doc__)
