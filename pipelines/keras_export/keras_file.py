"""Makes a Keras model of a trained one, compares the two, and writes it."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile

from tfx_estimators.components.saved_model import PREDICT, find_signature
from tfx_estimators.errors import KerasConversionError, UnsupportedOptionError
from tfx_estimators.estimator.keras_export import to_keras
from tfx_estimators.lineage.models import find_model
from tfx_estimators.lineage.store import open_store
from tfx_estimators.pipelines.keras_export.parity import Parity, compare_predictions
from tfx_estimators.pipelines.keras_export.trained_estimator import trained_estimator
from tfx_estimators.pipelines.prediction.model_place import find_saved_model

__all__ = ["Exported", "export_keras"]

_ENDING = ".keras"
_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        inputs: type and shape by raw feature; the batch is left out, None is any number.
        parity: the comparison; None if there was nothing to compare on.
    """

    inputs: dict[str, tuple[str, tuple[int | None, ...]]]
    parity: Parity | None


def export_keras(
    model: str,
    output: str | os.PathLike[str],
    metadata: str,
    data: str | os.PathLike[str] | None = None,
) -> Exported:
    """Writes a canned estimator as a Keras 3 model with its weights and preprocessing.

    Args:
        model: see `lineage.models.find_model`.
        output: a file whose name ends in .keras. A file that is there is replaced.
        metadata: the store that knows of the model's training.
        data: a CSV, Parquet or TFRecord file with rows to compare predictions on.

    Raises:
        UnsupportedOptionError: if `output` has another ending.
        KerasConversionError: if something of the model cannot be converted, or predictions
            differ by more than 1e-4; nothing is written.
        TfxEstimatorsError: if the model, its module, or the data cannot be read.
    """
    path = pathlib.Path(output)
    if path.suffix != _ENDING:
        raise UnsupportedOptionError(
            f"{path} ends in {path.suffix or 'nothing'}",
            expected=_ENDING,
            fix=f"-o {path.with_suffix(_ENDING)}",
        )
    store = open_store(metadata)
    saved_model = find_saved_model(find_model(store, model).uri, metadata)
    with tempfile.TemporaryDirectory(prefix="tfx-estimators-keras-") as folder:
        trained = trained_estimator(store, model, saved_model, folder)
        made = to_keras(trained.estimator, trained.known, trained.read)
    computed = sorted(trained.made & made.input.keys())
    if computed:
        raise KerasConversionError(
            f"the model reads {', '.join(computed)}, which preprocessing_fn makes",
            expected="columns over raw features alone",
            fix="compute the features before the model, or in columns",
        )
    parity = None
    if data is not None:
        parity = compare_predictions(made, find_signature(saved_model, PREDICT), pathlib.Path(data))
        if parity.difference > _TOLERANCE:
            raise KerasConversionError(
                f"predictions differ by up to {parity.difference:.3g} on {parity.rows} rows",
                expected=f"at most {_TOLERANCE:g}",
                fix="compare the columns and the module with those of the training",
            )
    unfinished = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        made.save(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    inputs = {
        name: (str(tensor.dtype), tuple(tensor.shape[1:])) for name, tensor in made.input.items()
    }
    return Exported(inputs, parity)
