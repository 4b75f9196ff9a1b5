"""`pipeline.py` of a project: parameters, thresholds and slices, and the usual pipeline."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence

from tfx_estimators.pipelines.project.data_file import DataFile, Format
from tfx_estimators.pipelines.project.prediction_task import PredictionTask, TaskKind
from tfx_estimators.pipelines.project.proposal import Proposal
from tfx_estimators.pipelines.project.source_text import Call, comment, lay_out, literal

__all__ = ["pipeline_source", "train_steps"]

BATCH_SIZE = 64
_EPOCHS = 15
_FEWEST_STEPS, _MOST_STEPS = 200, 5000
_MOST_SLICES = 10
# What stands in a text of protocol buffers as it is.
_PLAIN = re.compile(r"[^\"'\\{}\x00-\x1f]+")

_SOURCES = {
    Format.CSV: "csv_examples",
    Format.PARQUET: "parquet_examples",
    Format.TF_EXAMPLES: "tf_examples",
}

_TEXT = '''\
"""The pipeline: data, schema, transform, training, evaluation, predictions, push."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

from tfx_estimators.pipelines.parameters import Parameter
from tfx_estimators.pipelines.usual import {imports}

HERE = pathlib.Path(__file__).parent
{data}
FILES = {files}
LABEL = {label}
UNITS = (64, 32)

{about}
EVAL_CONFIG = """
slicing_specs {{}}
{slices}metrics_specs {{
  per_slice_thresholds {{
    key: "{metric}"
    value {{
      thresholds {{
        slicing_specs {{}}
        threshold {{ value_threshold {{ {bound} }} }}
      }}
    }}
  }}
}}
"""


# Each of these can be set for one run: --set trainer.train_steps=2000
def create_pipeline(
    root: pathlib.Path,
    data: pathlib.Path | None = None,
    *,
    train_steps: Annotated[int, Parameter("trainer.train_steps")] = {steps},
    eval_steps: Annotated[int, Parameter("trainer.eval_steps")] = 50,
    batch_size: Annotated[int, Parameter("trainer.batch_size")] = {batch},
    seed: Annotated[int, Parameter("trainer.seed")] = 1,
    hidden_units: Annotated[tuple[int, ...], Parameter("model.hidden_units")] = UNITS,
) -> Any:
    """Defines the pipeline.

    Args:
        root: folder for all that a run makes.
        data: another folder of such files, to use instead of `FILES` in `DATA`.
        train_steps: batches to train on.
        eval_steps: batches of an evaluation during training.
        batch_size: rows a batch.
        seed: of the weights and of the order of the rows.
        hidden_units: units of each hidden layer.
    """
    examples = {source}(data) if data else {source}(DATA, FILES)
    return estimator_pipeline(
        {name},
        root,
        examples,
        module_file=str(HERE / "model.py"),
        label_key=LABEL,
        train_steps=train_steps,
        eval_steps=eval_steps,
        eval_config=EVAL_CONFIG,
        custom_config={{
            "batch_size": batch_size,
            "seed": seed,
            "hidden_units": hidden_units,
        }},
    )
'''


def pipeline_source(
    name: str, data: DataFile, task: PredictionTask, proposals: Sequence[Proposal]
) -> str:
    """The text of `pipeline.py`.

    Args:
        name: of the pipeline.
        data: what to train on.
        task: what to predict.
        proposals: one for each column of the data but the label.
    """
    metric, bound, about = _threshold(task)
    source = _SOURCES[data.format]
    return _TEXT.format(
        source=source,
        imports=", ".join(sorted([source, "estimator_pipeline"])),
        data=lay_out(Call("pathlib.Path(", [literal(str(data.path.parent))]), before="DATA = "),
        files=literal(glob.escape(data.path.name)),
        label=literal(task.label),
        about=comment(f"{about} Metrics are shown for each slice, too."),
        slices=_slices(proposals),
        metric=metric,
        bound=bound,
        steps=train_steps(data.rows),
        batch=BATCH_SIZE,
        name=literal(name),
    )


def train_steps(rows: int) -> int:
    """Batches for about 15 epochs of the training rows, in hundreds."""
    steps = rows * 2 / 3 * _EPOCHS / BATCH_SIZE
    return int(min(_MOST_STEPS, max(_FEWEST_STEPS, round(steps, -2))))


def _threshold(task: PredictionTask) -> tuple[str, str, str]:
    """Metric, bound and what they mean: better than an answer without a look at the row."""
    if task.kind is TaskKind.BINARY:
        return (
            "auc",
            "lower_bound { value: 0.5 }",
            "A model is pushed only if it is better than a coin: an AUC above 0.5.",
        )
    if task.kind is TaskKind.MULTI_CLASS:
        return (
            "accuracy",
            f"lower_bound {{ value: {task.share:.4f} }}",
            "A model is pushed only if it is right more often than the most frequent class is.",
        )
    return (
        "mean_squared_error",
        f"upper_bound {{ value: {task.deviation**2:.6g} }}",
        "A model is pushed only if its mean squared error is below the variance of the labels.",
    )


def _slices(proposals: Sequence[Proposal]) -> str:
    """The first category with few values, if there is one."""
    for proposal in proposals:
        if 2 <= proposal.slice_values <= _MOST_SLICES and _PLAIN.fullmatch(proposal.name):
            return f'slicing_specs {{ feature_keys: "{proposal.name}" }}\n'
    return ""
