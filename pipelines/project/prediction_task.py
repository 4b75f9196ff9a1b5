"""What is to be predicted: classes or a number, and how the label is read."""

from __future__ import annotations

import dataclasses
import difflib
import enum
import statistics
from collections.abc import Sequence

from tfx_estimators.errors import FeatureNotFoundError, LabelError
from tfx_estimators.pipelines.project.column_facts import ColumnFacts
from tfx_estimators.pipelines.project.data_file import Column, DataFile, ValueKind

__all__ = ["PredictionTask", "TaskKind", "find_label", "task_of"]

_MOST_TEXTS = 100
_MOST_NUMBERS = 10
_POSITIVE = frozenset({"yes", "y", "true", "t", "1", "ja", "j", "oui", "sí", "si", "да", "はい"})


class TaskKind(enum.Enum):
    """What an estimator is to do."""

    BINARY = "binary classification"
    MULTI_CLASS = "classification"
    REGRESSION = "regression"


@dataclasses.dataclass(frozen=True)
class PredictionTask:
    """What the model predicts.

    Attributes:
        kind: what the estimator does.
        source: the column of the data.
        label: the label's feature: the column, or what `preprocessing_fn` makes of it.
        classes: names of the classes in order where the label is a text.
        count: how many classes there are; 0 for a regression.
        share: of the rows, those with the most frequent class.
        mean: of the labels of a regression.
        deviation: their standard deviation.
    """

    kind: TaskKind
    source: str
    label: str
    classes: tuple[str, ...] = ()
    count: int = 0
    share: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0

    @property
    def label_is_made(self) -> bool:
        """Whether the label is made: whole numbers that do not count from 0, as texts."""
        return self.label != self.source


def find_label(data: DataFile, name: str) -> Column:
    """The column with the label.

    Raises:
        FeatureNotFoundError: if there is no such column.
    """
    names = [column.name for column in data.columns]
    if name in names:
        return data.columns[names.index(name)]
    near = difflib.get_close_matches(name, names, n=1)
    raise FeatureNotFoundError(
        f"--label {name!r} is not a column of {data.path.name}",
        expected=f"one of {', '.join(map(repr, names))}",
        fix=f"did you mean {near[0]!r}?" if near else "name one of them",
    )


def task_of(column: Column, facts: ColumnFacts, taken: Sequence[str]) -> PredictionTask:
    """What the label's values ask for.

    Whole numbers of up to ten kinds are classes, and other numbers are a regression.

    Args:
        column: the label.
        facts: of the same column.
        taken: names of all columns.

    Raises:
        LabelError: if the label is missing in a row, or cannot be learned.
    """
    _check(column, facts)
    share = facts.frequent[0][1] / facts.values
    values = [value for value, _ in facts.frequent]
    if facts.kind is ValueKind.TEXT:
        _check_texts(facts)
        texts = sorted(values, key=lambda text: (text.strip().casefold() in _POSITIVE, text))
        kind = TaskKind.BINARY if len(texts) == 2 else TaskKind.MULTI_CLASS
        return PredictionTask(kind, facts.name, facts.name, tuple(texts), len(texts), share)
    if set(values) == {0, 1}:
        return PredictionTask(TaskKind.BINARY, facts.name, facts.name, (), 2, share)
    if facts.kind is ValueKind.INTEGER and facts.distinct <= _MOST_NUMBERS:
        kind = TaskKind.BINARY if facts.distinct == 2 else TaskKind.MULTI_CLASS
        if set(values) == set(range(facts.distinct)):
            return PredictionTask(kind, facts.name, facts.name, (), facts.distinct, share)
        made = f"{facts.name}_class"
        while made in taken:
            made += "_"
        classes = tuple(str(value) for value in sorted(values))
        return PredictionTask(kind, facts.name, made, classes, facts.distinct, share)
    numbers = column.values.to_pylist()
    return PredictionTask(
        TaskKind.REGRESSION,
        facts.name,
        facts.name,
        mean=statistics.fmean(numbers),
        deviation=statistics.pstdev(numbers),
    )


def _check(column: Column, facts: ColumnFacts) -> None:
    name = facts.name
    if facts.missing:
        raise LabelError(
            f"the label {name!r} is missing in {facts.missing} of {facts.rows} rows, "
            f"first in row {column.first_missing}",
            expected="a label in every row",
            fix="remove these rows, or fill them in",
        )
    if facts.not_numbers:
        raise LabelError(
            f"the label {name!r} is no finite number in {facts.not_numbers} of {facts.rows} rows",
            expected="a finite number in every row",
            fix="remove these rows, or correct them",
        )
    if facts.width != 1:
        raise LabelError(
            f"the label {name!r} has several values in a row",
            expected="one value in every row",
            fix="name another column, or write the model yourself, with a MultiLabelHead",
        )
    if facts.distinct == 1:
        raise LabelError(
            f"the label {name!r} is {facts.frequent[0][0]!r} in every row",
            expected="at least two different values",
            fix="name another column, or add rows with another label",
        )


def _check_texts(facts: ColumnFacts) -> None:
    if facts.distinct > _MOST_TEXTS or facts.distinct * 2 > facts.values:
        raise LabelError(
            f"the label {facts.name!r} has {facts.distinct} different texts in {facts.rows} rows",
            expected=f"at most {_MOST_TEXTS} classes with several rows each, or numbers only",
            fix="name another column; where it should be numbers, correct the rows with other text",
        )
    seen: dict[str, str] = {}
    for text, _ in facts.frequent:
        other = seen.setdefault(text.strip().casefold(), text)
        if other != text:
            raise LabelError(
                f"the label {facts.name!r} is {other!r} in some rows and {text!r} in others",
                expected="one spelling for each class",
                fix="write them in one way",
            )
