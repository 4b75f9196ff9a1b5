"""TFX components for estimators, each usable alone beside stock components.

* `CsvExampleGen`, `ParquetExampleGen`: TFX's own, with readers of whole columns.
* `FeatureColumnTransform`: feature columns on Beam, in TFX Transform's formats.
* `EstimatorTrainer`: train_and_evaluate, checkpoints, an exported SavedModel.
* `EstimatorTuner`: a search for hyperparameters, each trial a training with checkpoints.
* `EstimatorEvaluator`: sliced metrics, thresholds, a blessing.
* `EstimatorPredictor`: batch prediction.
* `EstimatorPusher`: versioned folders for serving.
* `artifacts`: artifact types of our own, where TFX has no standard one.
* `batches`: joins small batches of records, as a Beam DoFn.
* `beam_executor`: what the executors that run a Beam pipeline share.
* `beam_flags`: Beam flags that a step gets besides the user's.
* `beam_io_import`: Beam's import without its I/O on Google Cloud, which is imported when used.
* `beam_overhead`: what Beam works out again for every transform and every stage, spared.
* `beam_processes`: Beam's worker processes on this machine: none outlives the run, no run waits
  for a dead one.
* `cache_key`: makes TFX's cache notice what the modules of stock components import and read.
* `checkpoint_export`: a checkpoint as a SavedModel, made from the export of another one of the
  same training.
* `csv_rows`: rows of a table as CSV text.
* `deferred_packages`: packages that an import names, and that are run when something of them is
  first used.
* `definition_modules`: TFX's modules that define and launch pipelines, without the libraries that
  run steps.
* `doctor`: reads pipeline and model code of the TFX 1.x era without running it.
* `evaluator`: `EstimatorEvaluator` and the report it writes.
* `example_columns`: the features of tf.Examples as the columns of a table.
* `example_encoding`: record batches to serialized tf.Examples, the same bytes for the same
  values.
* `example_gen`: `CsvExampleGen` and `ParquetExampleGen`: TFX's own, with readers that work on
  whole columns.
* `examples`: reading an Examples artifact: splits, files, records and record batches.
* `examples_model`: a model that takes serialized tf.Examples, beside a served one that takes raw
  tensors.
* `executor_specs`: executor specs that name the executor class without importing it.
* `exits`: ends of the process that a user's code asks for, made into exceptions that can be told
  of.
* `feature_tensors`: where in an exported model the features are that its estimator reads.
* `gfile`: files where TensorFlow can reach them: buckets and other places with a scheme.
* `heads`: what a model predicts, read off its signature.
* `lean_imports`: libraries of TFX's, imported without what a process does not use.
* `lease`: a lock for file systems without locks: whoever holds it keeps signing it.
* `literal_paths`: files that a source names by literals, as the file of a vocabulary.
* `local_files`: TFX's files on the local disk, without importing TensorFlow for them.
* `locks`: locks that die with their holder, and leave nothing behind.
* `metadata_driver`: lets a step's executor tell ML Metadata what TFX does not, whoever runs the
  pipeline.
* `model_digest`: the digest of a SavedModel's files.
* `module_sources`: what a user's module consists of: the files it imports and the files it names.
* `origin`: the pipeline, run and execution that a step belongs to.
* `output_columns`: the columns that a model's outputs become, classes by name.
* `parquet`: parquet files as ExampleGen writes them: one column a feature, plain or of lists.
* `predictor`: `EstimatorPredictor`.
* `progress`: progress of a step, shown while it runs.
* `progress_file`: how far a step is, in a small file: for a step whose progress another process
  shows.
* `pusher`: `EstimatorPusher`, and the `ModelServer` that it may reload.
* `record_batches`: decoding serialized tf.Examples into Arrow record batches, as a Beam DoFn.
* `record_sink`: gzipped TFRecord files, written whole batches of records at a time.
* `resources`: what a step needs of the machine it runs on, said once for every runner.
* `saved_graph`: what the graph of a SavedModel says, without what only its making has put into
  it.
* `saved_model`: calling a signature of a SavedModel on serialized tf.Examples.
* `scratch`: folders for a while, of which none stays: the next process removes what a kill has
  left.
* `signals`: signals that ask a process to end, heard for a while instead of obeyed.
* `trainer`: `EstimatorTrainer`: trains an estimator and exports it for serving.
* `transform`: `FeatureColumnTransform`: feature columns on Beam, in TFX Transform's formats.
* `tree`: trees of files, read whole or not at all: what cannot be listed is an error.
* `tuner`: `EstimatorTuner`, and how it chooses values.
* `user_code`: where in the user's own files an exception came from, and what it says.
* `user_module`: the user's model module: where it is, what it defines, and loading it.
* `wire_format`: protocol buffers' wire format, for whole columns of messages.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.components.evaluator.component import EstimatorEvaluator
    from tfx_estimators.components.example_gen.component import CsvExampleGen, ParquetExampleGen
    from tfx_estimators.components.predictor.component import EstimatorPredictor
    from tfx_estimators.components.pusher.component import EstimatorPusher
    from tfx_estimators.components.trainer.component import EstimatorTrainer
    from tfx_estimators.components.transform.component import FeatureColumnTransform
    from tfx_estimators.components.tuner.component import EstimatorTuner

__all__ = [
    "CsvExampleGen",
    "EstimatorEvaluator",
    "EstimatorPredictor",
    "EstimatorPusher",
    "EstimatorTrainer",
    "EstimatorTuner",
    "FeatureColumnTransform",
    "ParquetExampleGen",
]

_HOMES = {
    "CsvExampleGen": "example_gen",
    "EstimatorEvaluator": "evaluator",
    "EstimatorPredictor": "predictor",
    "EstimatorPusher": "pusher",
    "EstimatorTrainer": "trainer",
    "EstimatorTuner": "tuner",
    "FeatureColumnTransform": "transform",
    "ParquetExampleGen": "example_gen",
}


def __getattr__(name: str) -> Any:
    # TFX's base classes take seconds to import; a component is imported when asked for.
    if name in _HOMES:
        from tfx_estimators.components.definition_modules import import_definition_modules

        import_definition_modules()
        module = importlib.import_module(f"{__name__}.{_HOMES[name]}.component")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
