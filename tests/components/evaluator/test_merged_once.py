"""TFMA's metrics over examples in several parts, as an engine shares them out."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.proto import config_pb2

from tfx_estimators.components.evaluator.metrics.merged_once import merge_each_part_once

pytestmark = pytest.mark.stacks


@pytest.mark.parametrize(
    ("metric", "config", "expected"),
    [
        ("BinaryCrossEntropy", "", -np.log([0.9, 0.2, 0.6])),
        ("BinaryCrossEntropy", '"label_smoothing": 0.0', -np.log([0.9, 0.2, 0.6])),
        ("MeanSquaredError", "", np.square([0.1, 0.8, 0.4])),
        ("MeanAbsoluteError", "", [0.1, 0.8, 0.4]),
    ],
)
def test_every_part_counts_once(metric: str, config: str, expected: list[float]) -> None:
    merge_each_part_once()
    merge_each_part_once()  # Twice is as once.
    eval_config = text_format.Parse(
        "model_specs {} metrics_specs { metrics { "
        f"class_name: '{metric}' config: '{config}' }} }}",
        config_pb2.EvalConfig(),
    )
    (computation,) = metric_specs.to_computations(list(eval_config.metrics_specs), eval_config)
    combiner = computation.combiner
    parts = [
        combiner.add_input(
            combiner.create_accumulator(),
            metric_types.StandardMetricInputs(
                label=np.array([1.0]), prediction=np.array([chance]), example_weight=np.array([1.0])
            ),
        )
        for chance in (0.9, 0.2, 0.6)
    ]
    # Beam gives a tuple.
    (value,) = combiner.extract_output(combiner.merge_accumulators(tuple(parts))).values()
    assert float(value) == pytest.approx(np.mean(expected), rel=1e-6)
