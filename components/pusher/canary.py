"""Tries a SavedModel as a server would: in a process that has TensorFlow only.

Run as a script, with the id of the process that starts it and a descriptor. It imports
TensorFlow, then reads a JSON object from standard input, {"model": folder, "examples_model":
folder or null, "examples": [base64 of serialized tf.Examples]}, and exits with an error
unless the model loads and, if there are examples, at least one signature of it, or of the
examples' model, predicts finite numbers for each. What it found goes to the descriptor: a
model may print. Without an object it ends, and has tried nothing.
"""

from __future__ import annotations

import base64
import ctypes
import gc
import json
import os
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
_STRING = 7  # tensorflow.DataType.DT_STRING


def main() -> None:
    """Loads the model and predicts; writes a JSON object about it."""
    parent, descriptor = map(int, sys.argv[1:])
    _end_with(parent)
    gc.disable()  # Of a life this short nothing is worth looking for.
    import numpy as np
    import tensorflow  # noqa: F401  # The model may still be in the making.

    said = sys.stdin.read()
    if not said:
        return
    task = json.loads(said)
    examples = [base64.b64decode(example) for example in task["examples"]]
    session, signatures = _load(task["model"])
    if not signatures:
        sys.exit("the model has no signatures")
    known = sorted(signatures)
    if task["examples_model"] is not None:
        session, signatures = _load(task["examples_model"])
    feeds, fetches = {}, {}
    for name, signature in sorted(signatures.items()):
        inputs = list(signature.inputs.values())
        if [one.dtype for one in inputs] != [_STRING] or not examples:
            continue
        feeds[inputs[0].name] = examples
        fetches[name] = {output: one.name for output, one in signature.outputs.items()}
    # All at once: TensorFlow optimizes the graph for each call that fetches something else.
    for name, outputs in session.run(fetches, feeds).items() if fetches else ():
        for output, values in outputs.items():
            if len(values) != len(examples):
                sys.exit(f"{name}: {len(values)} values of {output} for {len(examples)} examples")
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                sys.exit(f"{name}: {output} is not finite")
    tried = list(fetches)
    if examples and not tried:
        sys.exit(
            f"none of the signatures {known} takes serialized examples: export with "
            "a parsing serving_input_receiver_fn, train by estimator_fn, return "
            "eval_input_receiver_fn from trainer_fn, or push without examples"
        )
    ours = sorted({"tfx", "tfx_estimators"} & set(sys.modules))
    # This process has no tfx_estimators, whose json_text writes JSON elsewhere.
    answer = {"signatures": tried, "examples": len(examples), "imported": ours}
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(answer, allow_nan=False))
    # Taking TensorFlow and the model apart takes time, and serves nobody.
    os._exit(0)


def _load(folder: str) -> tuple[Any, dict[str, Any]]:
    """A model in a session, as a server has it, and its signatures."""
    import tensorflow as tf

    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], folder)
    signatures = {name: one for name, one in loaded.signature_def.items() if name[:2] != "__"}
    return session, signatures


def _end_with(parent: int) -> None:
    """Makes the kernel end this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before.
    if os.getppid() != parent:
        sys.exit(f"the process {parent} that started this one is gone")


if __name__ == "__main__":
    main()
