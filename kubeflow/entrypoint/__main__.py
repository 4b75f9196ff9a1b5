"""`python -m tfx_estimators.kubeflow.entrypoint`: see the package's docstring."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

from tfx_estimators.collector import collect_seldom
from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.kubeflow.entrypoint.invocation import Invocation
from tfx_estimators.kubeflow.kubernetes_names import OWN_STEPS
from tfx_estimators.terminal import say


def _terminate(number: int, frame: FrameType | None) -> None:
    """Lets blocks clean up: as a container's first process, nothing else would end us.

    An executor may take the signal over for a time, as the trainer does.
    """
    raise SystemExit(128 + number)


def _run_executor(invocation: Invocation) -> None:
    from tfx_estimators.components.lean_imports import import_less
    from tfx_estimators.estimator.activation import activate_with_tensorflow

    # A stock executor imports the user's module without knowing of estimators. Both come before
    # anything that imports TensorFlow, or they would spare nothing.
    activate_with_tensorflow()
    import_less()
    from tfx_estimators.kubeflow.entrypoint.step import run_step

    run_step(invocation)


def main() -> int:
    """Runs the step of the command line; returns the process's exit code."""
    collect_seldom()
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    signal.signal(signal.SIGTERM, _terminate)
    try:
        invocation = Invocation.parse(sys.argv[1:])
        if invocation.executor.startswith(OWN_STEPS):
            from tfx_estimators.kubeflow.entrypoint.own_step import run_own_step

            run_own_step(invocation)
        else:
            _run_executor(invocation)
    except TfxEstimatorsError as error:
        logging.getLogger(__name__).error("where it came from", exc_info=True)
        say(f"{type(error).__name__}: {error}")
        return 1
    except SystemExit as error:
        if error.code:
            raise
        # The backend would take the step for complete, and its empty outputs for artifacts.
        say(f"the step's code called sys.exit({error.code!r})")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
