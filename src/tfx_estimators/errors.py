"""Every error this package raises, in one tree.

Each error says what came, what was expected and what to do next, and is also an
instance of the builtin a caller would already be catching.

    TfxEstimatorsError
        TensorFlowVersionError
        MissingDependencyError
        RemovedFromTensorFlowError
        UserModuleError
        ModuleContractError
        EstimatorTypeError
            KerasConversionError
        ClusterError
        ColumnError
        DataError
            FeatureNotFoundError
            FeatureDtypeError
            LabelError
            EmptySplitError
            CorruptRecordError
        UnsupportedOptionError
        TrainingError
            LostWorkersError
            NanLossError
            TrainingInterruptedError
        SavedModelError
        EvaluationError
        PushError
        PipelineError
        ProjectError
        MetadataStoreError
        NotInMetadataError
        MissingFilesError
        DamagedFileError
        DigestMismatchError
        StepInputError
        PackageError
        ContainerError
        SubmissionError
"""

from __future__ import annotations

from tfx_estimators.redaction import redacted

__all__ = [
    "ClusterError",
    "ColumnError",
    "ContainerError",
    "CorruptRecordError",
    "DamagedFileError",
    "DataError",
    "DigestMismatchError",
    "EmptySplitError",
    "EstimatorTypeError",
    "EvaluationError",
    "FeatureDtypeError",
    "FeatureNotFoundError",
    "KerasConversionError",
    "LabelError",
    "LostWorkersError",
    "MetadataStoreError",
    "MissingDependencyError",
    "MissingFilesError",
    "ModuleContractError",
    "NanLossError",
    "NotInMetadataError",
    "PackageError",
    "PipelineError",
    "ProjectError",
    "PushError",
    "RemovedFromTensorFlowError",
    "SavedModelError",
    "StepInputError",
    "SubmissionError",
    "TensorFlowVersionError",
    "TfxEstimatorsError",
    "TrainingError",
    "TrainingInterruptedError",
    "UnsupportedOptionError",
    "UserModuleError",
]


class TfxEstimatorsError(Exception):
    """Base of the tree.

    Args:
        problem: what went wrong, with the offending value in it.
        expected: what would have been right.
        fix: the next thing to do, a command where there is one.

    Secrets in the message are taken out. It is the only element of `args`, so the error
    survives pickling and frameworks that rebuild an error from its message (Beam does).
    """

    def __init__(self, problem: str, *, expected: str = "", fix: str = "") -> None:
        lines = [problem]
        if expected:
            lines.append(f"  expected: {expected}")
        if fix:
            lines.append(f"  fix: {fix}")
        super().__init__(redacted("\n".join(lines)))

    def __str__(self) -> str:
        # KeyError, which one subclass also is, would show the repr instead.
        return str(self.args[0]) if self.args else ""


class TensorFlowVersionError(TfxEstimatorsError, ImportError):
    """The installed TensorFlow is outside the supported range."""


class MissingDependencyError(TfxEstimatorsError, ImportError):
    """A Python distribution that is needed is not installed, or is too old."""


class RemovedFromTensorFlowError(TfxEstimatorsError, NotImplementedError):
    """Something TensorFlow no longer contains was used."""


class UserModuleError(TfxEstimatorsError, ImportError):
    """The user's module cannot be found or imported."""


class ModuleContractError(TfxEstimatorsError, AttributeError):
    """The user's module does not define the functions a component calls."""


class EstimatorTypeError(TfxEstimatorsError, TypeError):
    """A user function returned something other than what its contract says."""


class KerasConversionError(EstimatorTypeError):
    """A Keras 3 model that Keras 2 cannot have, or an estimator that Keras 3 cannot have."""


class ClusterError(TfxEstimatorsError, RuntimeError):
    """A Kubernetes cluster refuses something, or cannot be reached."""


class ColumnError(TfxEstimatorsError, ValueError):
    """A feature column that cannot be compiled, or columns that do not fit."""


class DataError(TfxEstimatorsError, ValueError):
    """The data is not what the pipeline was told it would be."""


class FeatureNotFoundError(DataError, KeyError):
    """A feature that a column or component reads is not in the data."""


class FeatureDtypeError(DataError, TypeError):
    """A feature has another dtype than its column asks for."""


class LabelError(DataError):
    """The label is missing or of no use to the estimator."""


class EmptySplitError(DataError):
    """A split has no examples."""


class CorruptRecordError(DataError):
    """A record of the data that cannot be read or parsed."""


class UnsupportedOptionError(TfxEstimatorsError, ValueError):
    """An option that cannot be honoured, refused rather than ignored."""


class TrainingError(TfxEstimatorsError, RuntimeError):
    """Training ended without a usable model."""


class LostWorkersError(TrainingError):
    """A worker that cannot reach the others any more, whatever became of them."""


class NanLossError(TrainingError, ArithmeticError):
    """The loss became NaN."""


class TrainingInterruptedError(TrainingError, InterruptedError):
    """The process was asked to end while it trained; a checkpoint was saved."""


class SavedModelError(TfxEstimatorsError, RuntimeError):
    """A SavedModel that cannot be loaded or lacks the signature asked for."""


class EvaluationError(TfxEstimatorsError, RuntimeError):
    """The model could not be evaluated."""


class PushError(TfxEstimatorsError, OSError):
    """The model could not be pushed; nothing was published."""


class PipelineError(TfxEstimatorsError, RuntimeError):
    """A pipeline could not be found, built or run."""


class ProjectError(TfxEstimatorsError, ValueError):
    """A project of one's own cannot be made of what was given; nothing was written."""


class MetadataStoreError(TfxEstimatorsError, RuntimeError):
    """A store of ML Metadata cannot be opened, or does not take what is put."""


class NotInMetadataError(TfxEstimatorsError, LookupError):
    """A store of ML Metadata does not hold what was asked for, or holds several such things."""


class MissingFilesError(TfxEstimatorsError, FileNotFoundError):
    """A file or folder that was asked for is not there, or holds nothing of its kind."""


class DamagedFileError(TfxEstimatorsError, ValueError):
    """A file that this package wrote is damaged, or of a format that this version cannot read."""


class DigestMismatchError(TfxEstimatorsError, ValueError):
    """Files do not have the content whose digest was recorded."""


class StepInputError(TfxEstimatorsError, ValueError):
    """What a compiled package or its backend hands a step cannot be worked with."""


class PackageError(TfxEstimatorsError, ValueError):
    """A pipeline cannot be compiled for Kubeflow Pipelines, or such a package cannot be run."""


class ContainerError(TfxEstimatorsError, RuntimeError):
    """Containers cannot be run here, or an image is not there."""


class SubmissionError(TfxEstimatorsError, ConnectionError):
    """A Kubeflow Pipelines server is not there, or does not take a run."""
