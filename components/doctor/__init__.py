"""Reads pipeline and model code of the TFX 1.x era without running it.

* `uses`: what a file uses, by full names.
* `rules`: what is known of each name.
* `diagnosis`: both held together, file by file.
* `removed_names`: names of TensorFlow 1 that TensorFlow 2 does not have, read from the installed
  TensorFlow.
"""

from __future__ import annotations

from tfx_estimators.components.doctor.diagnosis import Finding, diagnose
from tfx_estimators.components.doctor.rules import Verdict

__all__ = ["Finding", "Verdict", "diagnose"]
