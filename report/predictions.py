"""The sections on what a model answers: calibration, confusion, residuals, importance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_estimators.components.heads import Kind
from tfx_estimators.lineage.properties import values_of
from tfx_estimators.report.parts import Figure, Heading, Missing, Part, Section, Table, Text
from tfx_estimators.report.plots import Line, bars, histogram, lines, matrix
from tfx_estimators.report.subject import EVALUATION_TYPE, Subject
from tfx_estimators.report.wording import number, share

if TYPE_CHECKING:
    from tfx_estimators.components.evaluator.sample import Answers, Sample

__all__ = ["importance_section", "predictions_section", "sample_of"]

_MOST_EXAMPLES = 5000
_MOST_SHUFFLED = 500
_MOST_FEATURES = 40
_SHUFFLES = 3
_BUCKETS = 10
_MOST_CLASSES = 12
_SEED = 0
_EPSILON = 1e-7
_NUMBERS = (Kind.REGRESSION, Kind.LOGISTIC_REGRESSION, Kind.POISSON_REGRESSION,
            Kind.OTHER_REGRESSION)  # fmt: skip


def predictions_section(sample: Sample | str) -> Section:
    """Labels beside predictions.

    Args:
        sample: from `sample_of`.
    """
    name, title = "predictions", "Predictions"
    if isinstance(sample, str):
        return Section(name, title, [Missing(sample)])
    parts: list[Part] = [
        Text(f"Of the first {number(len(sample.records))} examples that the evaluation read.")
    ]
    for answers in sample.answers:
        if answers.head.name:
            parts.append(Heading(answers.head.name))
        parts += _answers(answers, sample.weights)
    return Section(name, title, parts)


def importance_section(sample: Sample | str) -> Section:
    """How much worse the model gets where a feature's values are shuffled.

    Args:
        sample: from `sample_of`.
    """
    name, title = "importance", "Importance of features"
    if isinstance(sample, str):
        return Section(name, title, [Missing(sample)])
    answers = sample.answers[0]
    loss = _LOSSES.get(answers.head.kind)
    if loss is None or len(sample.answers) > 1:
        return Section(name, title, [Missing("This is measured for models of one head only.")])
    features, left_out = _features(sample.records)
    rows = [(feature, *_harm(sample, answers, loss[1], feature)) for feature in features]
    rows.sort(key=lambda row: -row[1])
    said = (
        f"How much the {loss[0]} grows where the values of one feature are shuffled among "
        f"{number(min(len(sample.records), _MOST_SHUFFLED))} examples, the mean of {_SHUFFLES} "
        "shuffles. Features that tell the same stand in for each other and seem less important."
    )
    if left_out:
        said += f" {left_out} features more were left out for the sake of time."
    figure = bars(
        f"Growth of the {loss[0]}",
        "; ".join(f"{feature} {number(mean)}" for feature, mean, _ in rows[:20]),
        [(feature, mean) for feature, mean, _ in rows[:20]],
        spread=[spread for _, _, spread in rows[:20]],
    )
    table = Table(
        "Importance by shuffling",
        ["Feature", f"Growth of the {loss[0]}", "Standard deviation"],
        [[feature, number(mean), number(spread)] for feature, mean, spread in rows],
        folded=True,
    )
    return Section(name, title, [Text(said), figure, table])


def sample_of(subject: Subject) -> Sample | str:
    """Labels and predictions of some examples that the run evaluated; or why there are none.

    Raises:
        TfxEstimatorsError: as `EstimatorEvaluator` does, e.g. if the examples are gone.
    """
    from tfx_estimators.components.evaluator.report import load_report
    from tfx_estimators.components.evaluator.sample import draw_sample

    nodes = [
        n for n in subject.makers(EVALUATION_TYPE) if n.step.type.endswith(".EstimatorEvaluator")
    ]
    if not nodes:
        return "This needs an EstimatorEvaluator in the run."
    node, store = nodes[0], subject.store
    report = load_report(node.made(EVALUATION_TYPE)[0].uri)
    models = [one for one in node.read("Model") if report.model.startswith(f"{one.uri}/")]
    found = {
        "examples": node.read("Examples"),
        "model": models,
        "transform_graph": node.read("TransformGraph"),
        "schema": node.read("Schema"),
    }
    inputs = {key: [_artifact(store, one) for one in listed] for key, listed in found.items()}
    (execution,) = store.get_executions_by_id([node.worked])
    return draw_sample(inputs, values_of(execution), _MOST_EXAMPLES)


def _artifact(store: Any, found: Any) -> Any:
    """An artifact of ML Metadata as TFX's components take it."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from tfx.types import artifact_utils, standard_artifacts

    (kind,) = store.get_artifact_types_by_id([found.type_id])
    known = getattr(standard_artifacts, kind.name, None)
    if known is None:
        return artifact_utils.deserialize_artifact(kind, found)
    declared = known().artifact_type
    # Whoever imports records knows no type's own properties, and makes custom ones of them.
    whole = mlmd.Artifact()
    whole.CopyFrom(found)
    for name in declared.properties:
        if name in whole.custom_properties and name not in whole.properties:
            whole.properties[name].CopyFrom(whole.custom_properties[name])
            del whole.custom_properties[name]
    return artifact_utils.deserialize_artifact(declared, whole)


def _answers(answers: Answers, weights: Any) -> list[Part]:
    kind = answers.head.kind
    if kind is Kind.BINARY:
        return _binary(answers, weights)
    if kind is Kind.MULTI_CLASS:
        return _multi_class(answers, weights)
    if kind is Kind.MULTI_LABEL:
        return [_multi_label(answers, weights)]
    if kind in _NUMBERS and answers.labels.shape == answers.predictions.shape:
        return _residuals(answers, weights)
    return [Missing(f"There is no plot for a head that predicts {kind.value}.")]


def _binary(answers: Answers, weights: Any) -> list[Part]:
    import numpy as np

    labels, predictions = answers.labels[:, 0].astype(float), answers.predictions[:, 0]
    names = list(answers.classes) or ["0", "1"]
    chosen = (predictions > 0.5).astype(int)
    counts = np.array(
        [
            [np.sum(weights * part * (chosen == column)) for column in (0, 1)]
            for part in (1 - labels, labels)
        ]
    )
    edges = list(np.linspace(0, 1, 21))
    by_label = []
    for name, part in zip(names, (1 - labels, labels), strict=True):
        heights, _ = np.histogram(predictions, edges, weights=weights * part)
        by_label.append((f"label {name}", edges, list(heights / max(heights.sum(), _EPSILON))))
    return [
        _calibration(predictions, labels, weights, "share of positive labels"),
        _confusion(names, counts, "at a threshold of 0.5"),
        histogram(
            "Predictions by label",
            "Share of the examples of each label by the predicted probability.",
            by_label,
            x="predicted probability",
        ),
    ]


def _calibration(predictions: Any, labels: Any, weights: Any, measured: str) -> Figure:
    """Buckets of as many examples each: where predictions crowd there are more of them."""
    import numpy as np

    order = np.argsort(predictions, kind="stable")
    parts = [one for one in np.array_split(order, _BUCKETS) if weights[one].sum() > 0]
    x = [float(np.average(predictions[one], weights=weights[one])) for one in parts]
    y = [float(np.average(labels[one], weights=weights[one])) for one in parts]
    said = ", ".join(
        f"{number(a)} predicted and {number(b)} true" for a, b in zip(x, y, strict=True)
    )
    return lines(
        "Calibration",
        f"Mean prediction and {measured} in {len(parts)} groups of examples: {said}.",
        [Line("model", x, y, points=True)],
        x="predicted probability",
        y=measured,
        diagonal=True,
    )


def _multi_class(answers: Answers, weights: Any) -> list[Part]:
    import numpy as np

    labels = answers.labels.astype(int).ravel()
    chosen = answers.predictions.argmax(axis=1)
    size = answers.predictions.shape[1]
    names = list(answers.classes) or [str(one) for one in range(size)]
    counts = np.zeros((size, size))
    np.add.at(counts, (labels, chosen), weights)
    top = answers.predictions.max(axis=1)
    right = (chosen == labels).astype(float)
    parts: list[Part] = [_calibration(top, right, weights, "share where it is right")]
    if size <= _MOST_CLASSES:
        return [*parts, _confusion(names, counts, "by the likeliest class")]
    wrong = counts * (1 - np.eye(size))
    order = np.dstack(np.unravel_index(np.argsort(-wrong, axis=None)[:20], wrong.shape))[0]
    return [
        *parts,
        Table(
            "Classes that are mistaken most",
            ["Label", "Predicted", "Examples"],
            [[names[a], names[b], number(float(wrong[a, b]))] for a, b in order if wrong[a, b]],
        ),
    ]


def _confusion(names: Sequence[str], counts: Any, how: str) -> Figure:
    said = "; ".join(
        f"label {name}: {number(right)} of {number(total)} right"
        for name, right, total in zip(names, counts.diagonal(), counts.sum(axis=1), strict=True)
    )
    return matrix("Confusion", f"Labels and predictions {how}. {said}.", names, counts)


def _multi_label(answers: Answers, weights: Any) -> Table:
    names = list(answers.classes) or [str(one) for one in range(answers.predictions.shape[1])]
    rows = []
    for place, name in enumerate(names):
        there, said = answers.labels[:, place] > 0, answers.predictions[:, place] > 0.5
        found = [float(weights[a & b].sum()) for a in (there, ~there) for b in (said, ~said)]
        rows.append(
            [
                name,
                *(number(one) for one in found),
                share(1 - (found[1] + found[2]) / max(sum(found), 1)),
            ]
        )
    return Table(
        "Labels at a threshold of 0.5",
        ["Label", "Found", "Missed", "False alarm", "Rightly left out", "Right"],
        rows,
    )


def _residuals(answers: Answers, weights: Any) -> list[Part]:
    import numpy as np

    labels, predictions = answers.labels.astype(float).ravel(), answers.predictions.ravel()
    weights = np.repeat(weights, answers.labels.shape[1])
    residuals = labels - predictions
    heights, edges = np.histogram(residuals, 24, weights=weights)
    total = max(float(weights.sum()), _EPSILON)
    ranked = np.argsort(residuals, kind="stable")
    below = np.cumsum(weights[ranked]) / total
    low, middle, high = (
        float(residuals[ranked][min(int(np.searchsorted(below, at)), len(ranked) - 1)])
        for at in (0.05, 0.5, 0.95)
    )
    order = np.argsort(predictions, kind="stable")
    groups = [one for one in np.array_split(order, _BUCKETS) if weights[one].sum() > 0]
    return [
        histogram(
            "Residuals",
            f"Label less prediction: half are below {number(middle)}, nine of ten lie between "
            f"{number(low)} and {number(high)}.",
            [("residuals", list(edges), list(heights / total))],
            x="label - prediction",
        ),
        lines(
            "Labels by prediction",
            f"Mean label and mean prediction in {len(groups)} groups of examples.",
            [
                Line(
                    "model",
                    [float(np.average(predictions[one], weights=weights[one])) for one in groups],
                    [float(np.average(labels[one], weights=weights[one])) for one in groups],
                    points=True,
                )
            ],
            x="mean prediction",
            y="mean label",
        ),
    ]


def _features(records: Sequence[bytes]) -> tuple[list[str], int]:
    """Features that some example has a value of, and how many more there are."""
    import tensorflow as tf

    names: dict[str, None] = {}
    for record in records[:_MOST_SHUFFLED]:
        names.update(dict.fromkeys(tf.train.Example.FromString(record).features.feature))
    chosen = sorted(names)[:_MOST_FEATURES]
    return chosen, len(names) - len(chosen)


def _harm(
    sample: Sample, answers: Answers, loss: Callable[[Any, Any], Any], feature: str
) -> tuple[float, float]:
    """Mean and standard deviation of how much the loss grows."""
    import numpy as np
    import tensorflow as tf

    size = min(len(sample.records), _MOST_SHUFFLED)
    weights = sample.weights[:size]
    before = np.average(loss(answers.labels[:size], answers.predictions[:size]), weights=weights)
    examples = [tf.train.Example.FromString(record) for record in sample.records[:size]]
    generator = np.random.default_rng(_SEED)
    found = []
    for _ in range(_SHUFFLES):
        shuffled = []
        for example, other in zip(examples, generator.permutation(size), strict=True):
            copy = tf.train.Example()
            copy.CopyFrom(example)
            copy.features.feature.pop(feature, None)
            if feature in examples[other].features.feature:
                copy.features.feature[feature].CopyFrom(examples[other].features.feature[feature])
            shuffled.append(copy.SerializeToString())
        outputs = sample.signature(shuffled, [answers.head.prediction])
        predictions = outputs[answers.head.prediction].reshape(size, -1)
        found.append(np.average(loss(answers.labels[:size], predictions), weights=weights) - before)
    return float(np.mean(found)), float(np.std(found))


def _log_loss(labels: Any, predictions: Any) -> Any:
    import numpy as np

    kept = np.clip(predictions[:, 0].astype(float), _EPSILON, 1 - _EPSILON)
    true = labels[:, 0].astype(float)
    return -true * np.log(kept) - (1 - true) * np.log(1 - kept)


def _class_loss(labels: Any, predictions: Any) -> Any:
    import numpy as np

    own = predictions[np.arange(len(labels)), labels.astype(int).ravel()]
    return -np.log(np.clip(own.astype(float), _EPSILON, 1))


def _squares(labels: Any, predictions: Any) -> Any:
    return ((labels.astype(float) - predictions) ** 2).mean(axis=1)


_LOSSES: Mapping[Kind, tuple[str, Callable[[Any, Any], Any]]] = {
    Kind.BINARY: ("log loss", _log_loss),
    Kind.MULTI_CLASS: ("log loss", _class_loss),
    **dict.fromkeys(_NUMBERS, ("mean squared error", _squares)),
}
