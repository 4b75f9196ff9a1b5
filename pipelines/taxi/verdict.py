"""What the taxi model is measured by, and when it is good enough to push."""

from __future__ import annotations

from typing import Any

from google.protobuf import text_format

__all__ = ["eval_config"]

# Overall and by payment type. A model must beat a coin clearly, and must not be
# noticeably worse than the newest one that was blessed.
_EVAL_CONFIG = """
model_specs { signature_name: "predict" label_key: "big_tipper" }
slicing_specs {}
slicing_specs { feature_keys: "payment_type" }
metrics_specs {
  metrics { class_name: "ExampleCount" }
  metrics { class_name: "BinaryAccuracy" }
  metrics {
    class_name: "AUC"
    threshold {
      value_threshold { lower_bound { value: 0.7 } }
      change_threshold { direction: HIGHER_IS_BETTER absolute { value: -0.01 } }
    }
  }
}
"""


def eval_config() -> Any:
    """The `tfma.EvalConfig` of the taxi pipeline."""
    # TFMA 0.52 no longer exports EvalConfig at its top level.
    from tensorflow_model_analysis.proto import config_pb2

    return text_format.Parse(_EVAL_CONFIG, config_pb2.EvalConfig())
