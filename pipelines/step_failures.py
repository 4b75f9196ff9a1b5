"""What the user is told of a step that failed."""

from __future__ import annotations

import contextlib

from tfx_estimators.components.exits import exits_fail
from tfx_estimators.components.user_code import describe, find_place, root_cause
from tfx_estimators.errors import PipelineError, TfxEstimatorsError

__all__ = ["explained", "no_exit"]


def explained(step: str, cause: BaseException) -> TfxEstimatorsError:
    """The error for what a step's executor raised: itself, if it is one of ours.

    Args:
        step: the node's id.
        cause: what was raised.
    """
    from ml_metadata.errors import StatusError

    from tfx_estimators.lineage.store import explain

    if isinstance(cause, TfxEstimatorsError):
        return cause
    if isinstance(cause, StatusError):
        return explain("ML Metadata", cause)
    place = find_place(cause)
    because = root_cause(cause)
    return PipelineError(
        f"{step} failed: {describe(cause)}"
        + (f"\n  because of {describe(because)}" if because is not cause else "")
        + (f"\n  at: {place}" if place else ""),
        fix="correct the cause and run again; finished steps are taken from the cache",
    )


def no_exit(step: str) -> contextlib.AbstractContextManager[None]:
    """Takes an attempt of a step to end this process for the error that it is.

    Args:
        step: the node's id.

    Raises:
        PipelineError: in the block, instead of SystemExit, whatever its code.
    """
    return exits_fail(
        lambda code: PipelineError(
            f"{step} failed: its code called sys.exit({code!r})",
            expected="a step that returns, or raises an error",
            fix="remove sys.exit and os._exit from what the step calls, and run again",
        )
    )
