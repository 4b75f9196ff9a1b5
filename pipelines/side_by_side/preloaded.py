"""What steps import, imported once, in the process that theirs are forked from."""

from __future__ import annotations

import gc
import importlib
import logging
import warnings

from tfx_estimators.collector import collect_seldom
from tfx_estimators.components.lean_imports import import_less
from tfx_estimators.estimator.activation import activate_with_tensorflow

__all__: list[str] = []

_MODULES = (
    "tensorflow",
    "apache_beam",
    "tfx.orchestration.portable.beam_executor_operator",
    "tfx_estimators.components.evaluator.executor",
    "tfx_estimators.components.predictor.executor",
    "tfx_estimators.components.pusher.executor",
    "tfx_estimators.components.trainer.executor",
    "tfx_estimators.components.transform.executor",
)

# Else TensorFlow shows what it logs by itself, from now on.
logging.getLogger().addHandler(logging.NullHandler())
collect_seldom()
activate_with_tensorflow()
import_less()
with warnings.catch_warnings():
    # What libraries say of their age is nobody's business here.
    warnings.simplefilter("ignore")
    for _module in _MODULES:
        importlib.import_module(_module)
# Pages that no collection writes to stay shared with the processes of the steps.
gc.collect()
gc.freeze()
