"""The fused analysis: one pass over the examples for all that the columns learn.

The columns ask their questions while the graph is built for the first time. The answers are
files in a temporary folder, which the graph that is written has as constants and assets.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import math
import pickle
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf

from tfx_estimators.components.transform.summaries import (
    Answer,
    Question,
    Vocabulary,
    VocabularySummary,
)
from tfx_estimators.estimator.columns.names import vocabulary_file
from tfx_estimators.json_text import dumps, finite

__all__ = ["Analysis", "Answer", "Summarize", "WriteAnswers", "vocabulary_path"]

# Everything that is small is summarized, and written, together.
_SMALL = "numbers"


@dataclasses.dataclass
class Analysis:
    """The columns' questions about raw features, and the answers once they are known.

    Attributes:
        features: raw features whose values can be summarized as they are read.
        folder: for the answers; every process of the Beam pipeline can write there.
        questions: what was asked.
        answers: of these, those that are known.
    """

    features: Collection[str]
    folder: str
    questions: dict[Question, None] = dataclasses.field(default_factory=dict)
    answers: Mapping[Question, Answer] = dataclasses.field(default_factory=dict)

    def ask(self, question: Question) -> Answer | None:
        """The answer; None, and the question is kept, as long as it is not known."""
        self.questions[question] = None
        return self.answers.get(question)

    def groups(self) -> dict[str, list[Question]]:
        """The questions, those in a group to be answered in one place."""
        groups: dict[str, list[Question]] = collections.defaultdict(list)
        for question in self.questions:
            groups[_group(question)].append(question)
        return dict(groups)

    def read_answers(self) -> None:
        """Reads the answers that `WriteAnswers` has written."""
        found: dict[Question, Answer] = {}
        for group, questions in self.groups().items():
            path = _answers_path(self.folder, group)
            if not tf.io.gfile.exists(path):  # There was no example.
                write_answers(self.folder, group, [(q, q.summary()) for q in questions])
            with tf.io.gfile.GFile(path) as file:
                answers = json.load(file)
            for question, answer in zip(questions, answers, strict=True):
                # What was no finite number is null.
                found[question] = {k: math.nan if v is None else v for k, v in answer.items()}
        self.answers = found


def vocabulary_path(folder: str, question: Vocabulary) -> str:
    """The file of a vocabulary that was learned."""
    return f"{folder}/{vocabulary_file(question.name)}"


class Summarize(beam.DoFn):
    """Turns record batches into summaries, one set a bundle: `(group, pickled summaries)`.

    Args:
        groups: see `Analysis.groups`.
        most: how many entries a vocabulary may have that is not limited.
    """

    def __init__(self, groups: Mapping[str, Sequence[Question]], most: int) -> None:
        self._groups = groups
        self._most = most

    def start_bundle(self) -> None:
        """Begins with nothing."""
        self._summaries = {
            group: [(question.feature, question.summary()) for question in questions]
            for group, questions in self._groups.items()
        }

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        """Takes a batch; gives nothing on until the bundle's end.

        Raises:
            ColumnError: once a vocabulary is too large.
        """
        values: dict[str, Any] = {}
        for feature, summary in (pair for pairs in self._summaries.values() for pair in pairs):
            if feature not in values:
                values[feature] = _values(batch, feature)
            if len(values[feature]):
                summary.add(values[feature])
            if isinstance(summary, VocabularySummary):
                summary.check_size(self._most)
        yield from ()

    def finish_bundle(self) -> Iterator[Any]:
        """Gives the summaries on."""
        for group, pairs in self._summaries.items():
            made = pickle.dumps([summary for _, summary in pairs])
            yield beam.transforms.window.GlobalWindows.windowed_value((group, made))


class WriteAnswers(beam.DoFn):
    """Merges a group's summaries and writes the answers.

    Args:
        groups: see `Analysis.groups`.
        folder: see `Analysis`.
    """

    def __init__(self, groups: Mapping[str, Sequence[Question]], folder: str) -> None:
        self._groups = groups
        self._folder = folder

    def process(self, element: tuple[str, Iterable[bytes]]) -> Iterator[str]:
        """Writes one group's and names it."""
        group, parts = element
        merged = [question.summary() for question in self._groups[group]]
        for part in parts:
            for summary, other in zip(merged, pickle.loads(part), strict=True):
                summary.merge(other)
        write_answers(self._folder, group, list(zip(self._groups[group], merged, strict=True)))
        yield group


def write_answers(folder: str, group: str, found: Sequence[tuple[Question, Any]]) -> None:
    """Writes a group's answers; a vocabulary to a file of its own."""
    answers = []
    for question, summary in found:
        answer = summary.answer()
        if isinstance(question, Vocabulary):
            entries = answer["entries"]
            _write(vocabulary_path(folder, question), b"".join(e + b"\n" for e in entries))
            answer = {"size": len(entries)}
        answers.append(answer)
    _write(_answers_path(folder, group), dumps(finite(answers)).encode())


def _write(path: str, content: bytes) -> None:
    # Runners may do a thing twice, and at the same time.
    written = f"{path}.{uuid.uuid4().hex}"
    with tf.io.gfile.GFile(written, "wb") as file:
        file.write(content)
    tf.io.gfile.rename(written, path, overwrite=True)


def _answers_path(folder: str, group: str) -> str:
    return f"{folder}/{group}.json"


def _group(question: Question) -> str:
    return vocabulary_file(question.name) if isinstance(question, Vocabulary) else _SMALL


def _values(batch: pa.RecordBatch, feature: str) -> pa.Array:
    return batch.column(batch.schema.get_field_index(feature)).flatten()
