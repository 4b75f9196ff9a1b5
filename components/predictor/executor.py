"""Runs the predictions: read batches, call the model, write records or rows.

Private name: `BaseExecutor._log_startup`, seen on TFX 1.15.1, 1.16.0 and 1.21.0.
"""

from __future__ import annotations

import json
from typing import Any

import apache_beam as beam
from absl import logging
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from tfx_estimators.components.beam_executor import BeamExecutor
from tfx_estimators.components.example_columns import common_forms, find_forms
from tfx_estimators.components.examples import Split, batch_reader, find_splits
from tfx_estimators.components.predictor.predictions import (
    PredictExamples,
    PredictLogs,
    PredictRows,
)
from tfx_estimators.components.predictor.table_sink import TableSink
from tfx_estimators.components.progress import count_examples
from tfx_estimators.components.record_batches import DecodeRecords
from tfx_estimators.components.record_sink import RecordSink
from tfx_estimators.components.saved_model import SignatureCall, examples_path, find_signature
from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["PredictorExecutor"]


class PredictorExecutor(BeamExecutor):
    """Executor of `EstimatorPredictor`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Predicts; see `EstimatorPredictor` for inputs, outputs and errors."""
        self._log_startup(input_dict, output_dict, exec_properties)
        if input_dict.get("model_blessing"):
            blessing = artifact_utils.get_single_instance(input_dict["model_blessing"])
            if blessing.get_int_custom_property("blessed") != 1:
                logging.warning("%s: not blessed, so nothing is predicted", blessing.uri)
                return
        model = artifact_utils.get_single_instance(input_dict["model"])
        signature = find_signature(examples_path(model), exec_properties["signature_name"])
        names = json.loads(exec_properties.get("example_splits") or "null")
        splits = find_splits(input_dict["examples"], names)
        features = json.loads(exec_properties.get("output_features") or "null")
        if features is None:
            uri = artifact_utils.get_single_uri(output_dict["inference_result"])
            if exec_properties.get("output_format"):
                sink = TableSink(f"{uri}/predictions", exec_properties["output_format"])
                self._write_rows(splits, signature, sink)
                return
            self._run(splits, lambda _: (PredictLogs(signature), f"{uri}/prediction_logs"))
            return
        _check_outputs(signature, features)
        examples = artifact_utils.get_single_instance(output_dict["output_examples"])
        examples.split_names = artifact_utils.encode_split_names([split.name for split in splits])
        self._run(
            splits,
            lambda split: (
                PredictExamples(signature, features),
                f"{artifact_utils.get_split_uri([examples], split.name)}/examples",
            ),
        )

    def _run(self, splits: list[Split], plan: Any) -> None:
        """Runs the pipeline; `plan` gives a split's DoFn and the prefix of its files."""
        written: dict[str, list[Any]] = {}
        with self._beam_pipeline("EstimatorPredictor") as pipeline:
            for split in splits:
                predict, prefix = plan(split)
                predicted = (
                    pipeline
                    | batch_reader(split)
                    | f"Predict[{split.name}]" >> beam.ParDo(predict)
                    | f"Count[{split.name}]" >> count_examples("predicted", size=len)
                )
                written.setdefault(prefix, []).append(predicted)
            for number, (prefix, predictions) in enumerate(written.items()):
                _ = (
                    predictions
                    | f"Flatten[{number}]" >> beam.Flatten(pipeline=pipeline)
                    | f"Write[{number}]" >> beam.io.Write(RecordSink(prefix))
                )

    def _write_rows(self, splits: list[Split], signature: SignatureCall, sink: TableSink) -> None:
        """Runs the pipeline twice over the examples: for the columns, and for the rows."""
        with self._beam_pipeline("EstimatorPredictor") as pipeline:
            batches = [pipeline | batch_reader(split) for split in splits] | beam.Flatten()
            forms = (
                batches
                | "Decode" >> beam.ParDo(DecodeRecords(None, None))
                | "FindForms" >> beam.Map(find_forms)
                | "CommonForms" >> beam.CombineGlobally(common_forms)
            )
            _ = (
                batches
                | "Predict" >> beam.ParDo(PredictRows(signature), beam.pvalue.AsSingleton(forms))
                | "Count" >> count_examples("predicted", size=_rows)
                | "Write" >> beam.io.Write(sink)
            )


def _rows(batch: Any) -> int:
    return int(batch.num_rows)


def _check_outputs(signature: SignatureCall, features: dict[str, str]) -> None:
    unknown = sorted(set(features) - set(signature.output_names))
    if unknown:
        raise UnsupportedOptionError(
            f"output_features names {', '.join(unknown)}, which the signature "
            f"{signature.name!r} does not return",
            expected=f"one of {', '.join(signature.output_names)}",
            fix="correct output_features or signature_name",
        )
