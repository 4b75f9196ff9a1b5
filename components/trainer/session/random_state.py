"""What Python and NumPy draw while a model is trained with a seed."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np

__all__ = ["seeded"]


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seeds Python's and NumPy's global generators for a block; later draws go on as before it.

    `RunConfig(tf_random_seed=...)` seeds TensorFlow's operations only. The initializers of
    Keras 2 take their seeds from Python's generator, and a `model_fn` may draw from either.
    What runs after the block, such as the pause before a retry, must not be the same in every
    process.

    Args:
        seed: from 0 to 2**31 - 1; None leaves the generators alone.
    """
    if seed is None:
        yield
        return
    state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)
