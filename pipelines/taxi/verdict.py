"""When the taxi model is good enough to push."""

from __future__ import annotations

__all__ = ["EVAL_CONFIG"]

# tfma.EvalConfig in text format. Metrics are left to the evaluator: those that
# estimator.evaluate gives, overall and by payment type. A model must beat a coin
# clearly, and must not be noticeably worse than the newest one that was blessed.
EVAL_CONFIG = """
slicing_specs {}
slicing_specs { feature_keys: "payment_type" }
metrics_specs {
  per_slice_thresholds {
    key: "auc"
    value {
      thresholds {
        slicing_specs {}
        threshold {
          value_threshold { lower_bound { value: 0.7 } }
          change_threshold { direction: HIGHER_IS_BETTER absolute { value: -0.01 } }
        }
      }
    }
  }
}
"""
