"""The section on training: curves, checkpoints, and where it was resumed."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

from tfx_estimators.components.gfile import files_for
from tfx_estimators.lineage.checkpoints import RecordedCheckpoint, list_checkpoints
from tfx_estimators.lineage.properties import CHECKPOINT_TYPE, value_of
from tfx_estimators.report.parts import Facts, Figure, Heading, Missing, Part, Section, Table
from tfx_estimators.report.plots import Line, Mark, lines
from tfx_estimators.report.subject import RunStep, Subject
from tfx_estimators.report.wording import number, seconds, size, when

__all__ = ["summaries_of", "training_section"]

_log = logging.getLogger(__name__)
_MODEL_RUN = "ModelRun"
_MOST_POINTS = 400
_MOST_MARKS = 60
_SPEED = "global_step/sec"
_NO_CURVES = ("_baseline", "/mean")


@dataclasses.dataclass(frozen=True)
class _Curve:
    """A scalar of TensorFlow's summaries.

    Attributes:
        folder: "" for the training, else where the evaluation's are, e.g. "eval".
        tag: the scalar's name.
        points: value by step, in order.
    """

    folder: str
    tag: str
    points: dict[int, float]


def training_section(subject: Subject) -> Section:
    """Curves of each trainer of the run, its checkpoints, and how it came to them."""
    parts: list[Part] = []
    trainers = [
        node
        for node in subject.nodes.values()
        if node.made(_MODEL_RUN) or node.made(CHECKPOINT_TYPE)
    ]
    for node in trainers:
        if len(trainers) > 1:
            parts.append(Heading(node.step.node))
        parts += _of_trainer(subject, node)
    if not trainers:
        parts.append(Missing("No step of this run has trained anything that it told of."))
    return Section("training", "Training", parts)


def summaries_of(subject: Subject) -> str | None:
    """The folder with the summaries of a run's training; None if there is none.

    Of a training that still runs it is the store of all trainings, of which this is one.
    """
    for node in subject.nodes.values():
        folder = _model_dir(node, _checkpoints(subject, node))
        store = node.step.parameters.get("checkpoint_store")
        for place in (folder, str(store) if store else None):
            if place is not None and files_for(place).exists(place):
                return place
    return None


def _of_trainer(subject: Subject, node: RunStep) -> list[Part]:
    checkpoints = _checkpoints(subject, node)
    folder = _model_dir(node, checkpoints)
    resumes = _resumes(checkpoints)
    facts: list[tuple[str, str | int | float | None]] = [
        ("Step", node.step.node),
        ("Last step", max((one.step for one in checkpoints), default=None)),
        (
            "Examples seen",
            max((one.global_examples or 0 for one in checkpoints), default=0) or None,
        ),
        ("Took", seconds(node.step.seconds) + (" (cached)" if node.step.state == "cached" else "")),
        ("Resumed at", ", ".join(f"step {number(step)}" for step in resumes) or "never"),
    ]
    parts: list[Part] = [Facts(facts)]
    curves = [] if folder is None else _curves(folder)
    if not curves:
        parts.append(
            Missing(
                "There are no summaries of this training"
                + (f" in {folder} any more." if folder else ".")
            )
        )
    else:
        parts += _figures(curves, checkpoints, resumes)
    if checkpoints:
        parts.append(_table(checkpoints, resumes))
    return parts


def _checkpoints(subject: Subject, node: RunStep) -> list[RecordedCheckpoint]:
    """All of the training, those of earlier runs that it went on from too, in order."""
    fingerprints = {
        str(value)
        for artifact in (*node.made("Model"), *node.made(CHECKPOINT_TYPE))
        if (value := value_of(artifact, "fingerprint"))
    }
    found = {
        one.digest: one
        for fingerprint in sorted(fingerprints)
        for one in list_checkpoints(subject.store, fingerprint=fingerprint, limit=None)
    }
    return sorted(found.values(), key=lambda one: (one.step, one.wall_time))


def _resumes(checkpoints: Sequence[RecordedCheckpoint]) -> list[int]:
    """The steps at which an execution went on from a checkpoint."""
    steps = {one.digest: one.step for one in checkpoints}
    return sorted({steps[d] for one in checkpoints if (d := one.resumed_from) in steps})


def _model_dir(node: RunStep, checkpoints: Sequence[RecordedCheckpoint]) -> str | None:
    """Where summaries are: the run's own copy of a finished training, else its folder."""
    kept = [artifact.uri for artifact in node.made(_MODEL_RUN)]
    live = [one.uri.rpartition("/")[0] for one in reversed(checkpoints)]
    for folder in (*kept, *live):
        if files_for(folder).exists(folder):
            return str(folder)
    return next(iter((*kept, *live)), None)


def _curves(folder: str) -> list[_Curve]:
    """Every scalar in the summaries below a folder."""
    import tensorflow as tf

    files = files_for(folder)
    found: dict[tuple[str, str], dict[int, float]] = {}
    for inside, _, names in sorted(files.walk(folder)):
        below = str(inside)[len(folder) :].strip("/")
        for name in sorted(str(name) for name in names):
            if ".tfevents." not in name:
                continue
            path = f"{str(inside).rstrip('/')}/{name}"
            try:
                for event in tf.compat.v1.train.summary_iterator(path):
                    for value in event.summary.value:
                        scalar = _scalar(value)
                        if scalar is not None:
                            found.setdefault((below, value.tag), {})[event.step] = scalar
            except tf.errors.OpError as error:
                # A file that is still written ends in the middle of a record.
                _log.warning("%s is read up to a damaged record: %s", path, error)
    return [
        _Curve(below, tag, dict(sorted(points.items())))
        for (below, tag), points in sorted(found.items())
    ]


def _scalar(value: Any) -> float | None:
    if value.WhichOneof("value") == "simple_value":
        return float(value.simple_value)
    if value.WhichOneof("value") == "tensor" and not value.tensor.tensor_shape.dim:
        import tensorflow as tf

        array = tf.make_ndarray(value.tensor)
        if array.dtype.kind in "fiu":
            return float(array)
    return None


def _figures(
    curves: Sequence[_Curve], checkpoints: Sequence[RecordedCheckpoint], resumes: Sequence[int]
) -> list[Part]:
    # Of very many only some: they would hide the curves.
    steps = _thinned([one.step for one in checkpoints], _MOST_MARKS)
    marks = [Mark(step, "checkpoint") for step in steps]
    marks += [Mark(step, "resumed") for step in resumes]
    training = {curve.tag: curve for curve in curves if not curve.folder}
    evaluated: dict[str, list[_Curve]] = {}
    for curve in curves:
        if curve.folder:
            evaluated.setdefault(curve.tag, []).append(curve)
    figures: list[Part] = []
    for tag in ("loss", "average_loss"):
        together = [*([training[tag]] if tag in training else []), *evaluated.pop(tag, [])]
        if tag == "average_loss" and figures and tag not in training:
            continue  # As the loss, but for how many examples a batch has.
        if together:
            figures.append(_figure(tag.replace("_", " ").capitalize(), together, marks))
    for tag, found in evaluated.items():
        # Of a single evaluation there is no curve: the table of checkpoints has its numbers.
        if max(len(curve.points) for curve in found) > 1 and not tag.endswith(_NO_CURVES):
            figures.append(_figure(tag, found, marks))
    if _SPEED in training:
        figures.append(_figure("Steps a second", [training[_SPEED]], marks))
    return figures


def _figure(title: str, curves: Sequence[_Curve], marks: Sequence[Mark]) -> Figure:
    found = []
    for curve in curves:
        steps = _thinned(list(curve.points), _MOST_POINTS)
        found.append(
            Line(
                curve.folder or "training",
                steps,
                [curve.points[step] for step in steps],
                points=bool(curve.folder),
            )
        )
    said = []
    for curve in curves:
        (first, *_), (*_, last) = curve.points.items(), curve.points.items()
        ends = [f"{number(value)} at step {number(step)}" for step, value in (first, last)]
        said.append(f"{curve.folder or 'training'} goes from {' to '.join(ends)}")
    return lines(title, f"{title} by step: {'; '.join(said)}.", found, x="step", marks=marks)


def _thinned(steps: Sequence[int], most: int) -> list[int]:
    """At most so many of them, the first and the last among them."""
    if len(steps) <= most:
        return list(steps)
    return [steps[round(at * (len(steps) - 1) / (most - 1))] for at in range(most)]


def _table(checkpoints: Sequence[RecordedCheckpoint], resumes: Sequence[int]) -> Table:
    names = sorted({name for one in checkpoints for name in one.metrics})
    chosen = [n for n in ("loss", "average_loss", "accuracy", "auc") if n in names] or names[:4]
    return Table(
        f"Checkpoints ({len(checkpoints)})",
        ["Step", "Written", "Examples", "Size", "Kept", "Resumed from", "Digest", *chosen],
        [
            [
                number(one.step),
                when(one.wall_time),
                one.global_examples,
                size(one.size_bytes),
                "yes" if one.kept else "no",
                "yes" if one.step in resumes else None,
                one.digest[:12],
                *(one.metrics.get(name) for name in chosen),
            ]
            for one in checkpoints
        ],
        folded=len(checkpoints) > 10,
    )
