"""The messages of TFMA's EvalConfig; see `components.definition_modules`.

Private: the module's place in TFMA, seen in 0.46.0, 0.47.1 and 0.52.0.
"""

from __future__ import annotations

from tensorflow_model_analysis.proto import config_pb2

__all__ = ["config_pb2"]
