"""`model.py` of a project: feature columns, estimator, and what is made of the raw data."""

from __future__ import annotations

from collections.abc import Sequence

from tfx_estimators.pipelines.project.prediction_task import PredictionTask, TaskKind
from tfx_estimators.pipelines.project.proposal import Proposal
from tfx_estimators.pipelines.project.source_text import Call, comment, lay_out, literal

__all__ = ["model_source"]

_HEAD = '''\
"""The model: feature columns, what is made of the raw data, and the estimator.

Written after a look at the data, for you to change.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tfx_estimators import estimator as tf_estimator
{learned}
fc = tf.feature_column

'''
_LEARNED = "from tfx_estimators.estimator import columns as learned\n"
_WEIGHT = """\
# The name of a column that holds the weight of each row, such as "weight".
WEIGHT = None
"""

_ONE_VALUE = '''
def one_value(feature: Any, missing: Any) -> Any:
    """The value of each row, [batch, 1], with `missing` where there is none."""
    if isinstance(feature, tf.SparseTensor):
        shape = [feature.dense_shape[0], 1]
        feature = tf.SparseTensor(feature.indices, feature.values, shape)
        feature = tf.sparse.to_dense(feature, default_value=missing)
    return tf.reshape(feature, [-1, 1])
'''
_HELPERS = {
    "number_in": '''
def number_in(feature: Any, default: float, decimal: str = ".") -> Any:
    """The number that a text is, [batch, 1]; `default` for any other text."""
    text = tf.strings.strip(one_value(feature, ""))
    if decimal != ".":
        text = tf.strings.regex_replace(text, decimal, ".")
    is_number = tf.strings.regex_full_match(
        text, r"[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?"
    )
    return tf.strings.to_number(tf.where(is_number, text, str(default)))
''',
    "finite": '''
def finite(feature: Any, default: float) -> Any:
    """The number of each row, [batch, 1]; `default` where it is missing or not finite."""
    number = one_value(feature, default)
    return tf.where(tf.math.is_finite(number), number, default)
''',
    "words_in": '''
def words_in(feature: Any) -> Any:
    """The words of each row's text in lower case, sparse [batch, words]."""
    text = tf.strings.lower(one_value(feature, "")[:, 0], encoding="utf-8")
    text = tf.strings.regex_replace(text, r"[^\\pL\\pN]+", " ")
    return tf.strings.split(text).to_sparse()
''',
    "date_part": '''
def date_part(feature: Any, pattern: str, group: int) -> Any:
    """The number in one group of a date's pattern, [batch, 1]; 0 for no date."""
    text = one_value(feature, "")
    number = tf.strings.regex_replace(text, f"^{pattern}$", f"\\\\{group}")
    is_date = tf.strings.regex_full_match(text, pattern)
    return tf.strings.to_number(tf.where(is_date, number, "0"))
''',
    "years_in": '''
def years_in(
    feature: Any, pattern: str, groups: tuple[int, int, int], default: float
) -> Any:
    """The time of a date in years, such as 2024.5, [batch, 1]; `default` for no date."""
    year, month, day = (date_part(feature, pattern, group) for group in groups)
    years = year + (month - 1) / 12 + (day - 1) / 365
    return tf.where(tf.equal(year, 0), default, years)
''',
    "month_in": '''
def month_in(feature: Any, pattern: str, groups: tuple[int, int, int]) -> Any:
    """The month of a date, 1 to 12, [batch, 1]; 0 for no date."""
    month = tf.cast(date_part(feature, pattern, groups[1]), tf.int64)
    return tf.where((month >= 1) & (month <= 12), month, 0)
''',
}
_HELPER_ORDER = ("number_in", "finite", "words_in", "date_part", "years_in", "month_in")


def model_source(task: PredictionTask, proposals: Sequence[Proposal]) -> str:
    """The text of `model.py`.

    Args:
        task: what to predict.
        proposals: one for each column of the data but the label.
    """
    columns = _feature_columns(proposals)
    learned = _LEARNED if "learned." in columns else ""
    parts = [_HEAD.format(learned=learned), _constants(task), "\n", columns]
    made = [feature for proposal in proposals for feature in proposal.made]
    if made or task.label_is_made:
        parts += ["\n", _preprocessing(task, proposals)]
        used = {feature.helper for feature in made}
        if used & {"years_in", "month_in"}:
            used.add("date_part")
        parts += ["\n", _ONE_VALUE]
        parts += [f"\n{_HELPERS[helper]}" for helper in _HELPER_ORDER if helper in used]
    parts += ["\n", _estimator(task)]
    return "".join(parts)


def _constants(task: PredictionTask) -> str:
    lines = []
    if task.kind is TaskKind.REGRESSION:
        lines += [
            comment(
                "The model learns how many standard deviations a label is above the mean, so "
                "that the usual learning rates fit whatever its unit is."
            ),
            f"LABEL_MEAN = {_rounded(task.mean)}",
            f"LABEL_DEVIATION = {_rounded(task.deviation)}",
        ]
    elif task.classes:
        if task.kind is TaskKind.BINARY:
            lines.append(comment("The label's texts; the model gives the probability of the last."))
        else:
            lines.append(comment("The label's texts."))
        names = [literal(name) for name in task.classes]
        lines.append(lay_out(Call("[", names, "]"), before="CLASSES = "))
    else:
        lines.append(comment(f"The label is a whole number from 0 to {task.count - 1}."))
        lines.append("CLASSES = None")
    return "\n".join([*lines, _WEIGHT])


def _rounded(value: float) -> str:
    return repr(float(f"{value:.6g}"))


def _feature_columns(proposals: Sequence[Proposal]) -> str:
    lines = [
        "",
        "def feature_columns() -> dict[str, list[Any]]:",
        '    """Columns over the raw data, for the linear and the deep part."""',
    ]
    for proposal in proposals:
        lines.append(comment(f"{proposal.name}: {proposal.seen}; {proposal.becomes}.", 1))
        for statement in proposal.statements:
            lines.append(lay_out(statement.call, 1, before=f"{statement.variable} = "))
    linear = Call("[", [one for proposal in proposals for one in proposal.linear], "]")
    deep = Call("[", [one for proposal in proposals for one in proposal.deep], "]")
    lines += [
        "    return {",
        lay_out(linear, 2, before='"linear": ', after=","),
        lay_out(deep, 2, before='"dnn": ', after=","),
        "    }",
        "",
    ]
    return "\n".join(lines)


def _preprocessing(task: PredictionTask, proposals: Sequence[Proposal]) -> str:
    lines = [
        "",
        "def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:",
        '    """Features that are made of the raw data, and read by the columns above."""',
        "    return {",
    ]
    for feature in (feature for proposal in proposals for feature in proposal.made):
        lines.append(lay_out(feature.call, 2, before=f"{literal(feature.name)}: ", after=","))
    if task.label_is_made:
        label = Call("one_value(", [f"inputs[{literal(task.source)}]", "0"])
        call = Call("tf.strings.as_string(", [label])
        lines.append(lay_out(call, 2, before=f"{literal(task.label)}: ", after=","))
    return "\n".join([*lines, "    }", ""])


def _estimator(task: PredictionTask) -> str:
    if task.kind is TaskKind.REGRESSION:
        return _REGRESSION
    return _CLASSIFIER.replace("N_CLASSES", str(task.count))


_CLASSIFIER = '''
def estimator_fn(
    columns: dict[str, list[Any]], config: Any, params: dict[str, Any]
) -> Any:
    """A wide & deep classifier.

    A linear one instead: `LinearClassifier(feature_columns=columns["linear"], ...)`; a deep
    one: `DNNClassifier(feature_columns=columns["dnn"], hidden_units=..., ...)`.
    """
    return tf_estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=columns["linear"],
        dnn_feature_columns=columns["dnn"],
        dnn_hidden_units=params["hidden_units"],
        dnn_optimizer="Adam",
        n_classes=N_CLASSES,
        label_vocabulary=CLASSES,
        weight_column=WEIGHT,
        config=config,
    )
'''
_REGRESSION = '''
def in_units_of_the_label(logits: Any) -> Any:
    """What the model predicts, [batch, 1]."""
    return LABEL_MEAN + LABEL_DEVIATION * logits


def squared_error(labels: Any, logits: Any) -> Any:
    """The squared error in standard deviations, [batch, 1]."""
    labels = (tf.cast(labels, tf.float32) - LABEL_MEAN) / LABEL_DEVIATION
    return tf.square(labels - logits)


def estimator_fn(
    columns: dict[str, list[Any]], config: Any, params: dict[str, Any]
) -> Any:
    """A wide & deep regression.

    A linear one instead: `LinearEstimator(head, feature_columns=columns["linear"], ...)`; a
    deep one: `DNNEstimator(head, feature_columns=columns["dnn"], hidden_units=..., ...)`.
    """
    head = tf_estimator.RegressionHead(
        weight_column=WEIGHT,
        loss_fn=squared_error,
        inverse_link_fn=in_units_of_the_label,
    )
    return tf_estimator.DNNLinearCombinedEstimator(
        head,
        linear_feature_columns=columns["linear"],
        dnn_feature_columns=columns["dnn"],
        dnn_hidden_units=params["hidden_units"],
        dnn_optimizer="Adam",
        config=config,
    )
'''
