"""Writes a record beside every checkpoint of a training, and removes those not kept.

The record is what ML Metadata is told later, by whoever can: see `lineage.records`.
"""

from __future__ import annotations

import bisect
import dataclasses
import logging
import os
import pathlib
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.trainer.checkpoints.evaluations import read_evaluations
from tfx_estimators.components.trainer.checkpoints.example_counter import ExampleCounter
from tfx_estimators.components.trainer.checkpoints.examples_note import (
    note_examples,
    noted_examples,
)
from tfx_estimators.components.trainer.checkpoints.model_dirs import (
    is_outside,
    note_model_dir,
    noted_model_dirs,
)
from tfx_estimators.components.trainer.checkpoints.retention import kept
from tfx_estimators.components.trainer.checkpoints.training import FOREIGN, Training
from tfx_estimators.estimator.checkpoints import (
    Checkpoint,
    find_checkpoints,
    remove_checkpoint,
)
from tfx_estimators.lineage.digests import checkpoint_digest
from tfx_estimators.lineage.record_files import (
    read_records,
    record_path,
    replace_record,
    write_record,
)
from tfx_estimators.lineage.records import CheckpointRecord
from tfx_estimators.places import canonical

__all__ = ["UNREADABLE", "Recorder"]

_log = logging.getLogger(__name__)
UNREADABLE = (OSError, tf.errors.OpError, IndexError, RuntimeError, ValueError)
"""What reading a checkpoint raises that is damaged, or cannot be read at present."""


class Recorder:
    """The records of one training. One process at a time has one.

    Args:
        training: whose checkpoints they are, and who writes them.
        model_dir: where the Estimator writes, if it is not below the training's folder.
        evaluated_elsewhere: whether another process evaluates checkpoints meanwhile. It
            takes the newest each time: those that came after the one it evaluated last
            are not removed.
    """

    def __init__(
        self,
        training: Training,
        *,
        model_dir: str | None = None,
        evaluated_elsewhere: bool = False,
    ) -> None:
        self._training = training
        self._evaluated_elsewhere = evaluated_elsewhere
        self._files = files_for(training.folder)
        self._canonical: dict[str, str] = {}
        self._is_elsewhere: dict[str, bool] = {}
        self._records: dict[str, CheckpointRecord] = {}
        self._kept: dict[str, str] = {}  # the record's path by the checkpoint's place
        self._examples: list[tuple[int, int]] = []  # known by step, in order
        self._known: dict[tuple[int, str], CheckpointRecord] = {}
        self._metrics = read_evaluations(training.folder)
        for path, record in read_records(training.folder, self._files).items():
            if isinstance(record, CheckpointRecord):
                self._remember(path, record)
        named = [] if model_dir is None else [model_dir.rstrip("/")]
        self._outside: set[str] = set()
        for folder in (*noted_model_dirs(training.folder), *named):
            if self._is_outside(folder):
                self._look_outside(folder)

    def find(self, prefix: str) -> CheckpointRecord | None:
        """The record of a checkpoint that is there; None if it could not be recorded."""
        path = self._kept.get(self._place(prefix))
        return None if path is None else self._records[path]

    def knows(self, prefix: str) -> bool:
        """Whether a checkpoint that is there has a record."""
        return self.find(prefix) is not None

    def at_step(self, step: int) -> CheckpointRecord | None:
        """The newest record of a step; its checkpoint may be gone."""
        found = [record for record in self._records.values() if record.step == step]
        return max(found, key=lambda record: (record.kept, record.wall_time), default=None)

    def newest(self) -> CheckpointRecord | None:
        """The record of the newest checkpoint that is there."""
        there = [self._records[path] for path in self._kept.values()]
        return max(there, key=lambda record: (record.step, record.wall_time), default=None)

    def foreign_step(self, step: int) -> int:
        """The last step up to another one that no training of ours has trained; 0 for none."""
        found = [r.step for r in self._records.values() if r.node == FOREIGN.node]
        return max((known for known in found if known <= step), default=0)

    def catch_up(self, counter: ExampleCounter | None = None) -> None:
        """Records what has no record yet, what was measured since, and what is gone.

        A checkpoint that cannot be recorded, as an old one that is damaged, is left out
        with a warning.

        Args:
            counter: counted the examples of the session that has just ended.
        """
        there = find_checkpoints(self._training.folder)
        for folder in self._outside:
            there |= find_checkpoints(folder, below=False)
        self._forget_all_but({self._place(checkpoint.prefix) for checkpoint in there})
        self._metrics = read_evaluations(self._training.folder)
        for checkpoint in sorted(there):
            if not self.knows(checkpoint.prefix):
                examples = None if counter is None else counter.at(checkpoint.step)
                try:
                    self._record(checkpoint.prefix, there[checkpoint], examples)
                except UNREADABLE as error:
                    _log.warning("no record of the checkpoint %s: %s", checkpoint.prefix, error)
        self._note_metrics(self._metrics)
        self._prune()

    def record(self, prefix: str, examples: int | None = None) -> None:
        """Records a checkpoint, then removes those that no policy asks for.

        Args:
            prefix: of the checkpoint, which nobody writes any more.
            examples: trained on up to here; None to reckon it from the steps.
        """
        folder = prefix.rpartition("/")[0]
        there = {c.prefix: paths for c, paths in find_checkpoints(folder, below=False).items()}
        if prefix not in there:
            return  # TensorFlow's own retention was quicker.
        self._note_metrics(read_evaluations(self._training.folder, but=self._metrics))
        self._record(prefix, there[prefix], examples)
        # TensorFlow's own retention says nothing of what it removes.
        places = {self._place(one) for one in there}
        self._forget_all_but(places, inside=canonical(folder))
        self._prune()

    def check(self) -> None:
        """Raises a TrainingError if another process has taken the training over."""
        self._training.check()

    def note_examples(self, step: int, examples: int | None) -> None:
        """Notes how many there were, for a checkpoint that is not recorded in time."""
        note_examples(self._training.folder, step, examples)

    def _record(self, prefix: str, paths: Sequence[str], examples: int | None) -> None:
        _put_on_disk(paths)
        digest = checkpoint_digest(prefix, self._files, paths)
        before = self._kept.get(self._place(prefix))
        if before is not None:
            if self._records[before].digest == digest:
                return  # An Estimator that goes on writes the one it restored once more.
            self._replace(before, kept=False)
        step, is_object = _facts_of(prefix)
        origin, start = self._training.origin, self._training.start
        if (known := self._known.get((step, digest))) is not None:
            # The folder was moved, or another training has written it.
            record = dataclasses.replace(known, uri=prefix, kept=True)
        else:
            record = CheckpointRecord(
                pipeline=origin.pipeline,
                run=origin.run,
                node=origin.node,
                execution=origin.execution,
                wall_time=time.time(),
                uri=prefix,
                digest=digest,
                fingerprint=self._training.fingerprint,
                step=step,
                global_examples=self._reckoned(step) if examples is None else examples,
                metrics=self._metrics.get(step, {}),
                size_bytes=sum(_size(path) for path in paths),
                checkpoint_format="object" if is_object else "saver",
                resumed_from=start.digest,
            )
        inside = prefix.rpartition("/")[0]
        if self._is_outside(inside):
            # Beside the checkpoint too, for whoever finds only that.
            write_record(inside, record, files_for(inside))
            note_model_dir(self._training.folder, inside)
            self._outside.add(canonical(inside))
            inside = self._training.folder
        write_record(inside, record, self._files)
        self._remember(record_path(inside, record), record)

    def _remember(self, path: str, record: CheckpointRecord) -> None:
        self._records[path] = record
        self._known[record.step, record.digest] = record
        place = self._place(record.uri)
        if record.kept:
            other = self._kept.get(place)
            if other is None or self._records[other].wall_time <= record.wall_time:
                self._kept[place] = path
        elif self._kept.get(place) == path:
            del self._kept[place]
        if record.global_examples and record.step:
            bisect.insort(self._examples, (record.step, record.global_examples))

    def _reckoned(self, step: int) -> int | None:
        """As many as the steps before took; None if that is not known of any."""
        if step == 0:
            return 0
        before = bisect.bisect_right(self._examples, (step, sys.maxsize))
        known = self._examples[before - 1] if before else noted_examples(self._training.folder)
        return None if known is None else known[1] * step // known[0]

    def _note_metrics(self, found: Mapping[int, dict[str, float]]) -> None:
        self._metrics = {**self._metrics, **found}
        if not found:
            return
        for path in list(self._kept.values()):
            metrics = found.get(self._records[path].step)
            if metrics is not None and self._records[path].metrics != metrics:
                self._replace(path, metrics=metrics)

    def _forget_all_but(self, places: Collection[str], inside: str | None = None) -> None:
        """Notes of every other checkpoint that it is gone.

        Args:
            places: of the checkpoints that are there.
            inside: the only folder that was looked into; None for all of the training's.
        """
        for place, path in list(self._kept.items()):
            record = self._records[path]
            if place in places or inside not in (None, place.rpartition("/")[0]):
                continue
            # A copied folder has records of checkpoints that lie where it was copied from.
            if inside is None and _exists(f"{record.uri}.index"):
                continue
            self._replace(path, kept=False)

    def _prune(self) -> None:
        if self._training.retention is None:
            return
        folder = canonical(self._training.folder)
        there = {
            path: self._records[path]
            for place, path in self._kept.items()
            if place.startswith(f"{folder}/")
        }
        wanted = kept(self._training.retention, {r.step: r.metrics for r in there.values()})
        if self._evaluated_elsewhere:
            evaluated = max(self._metrics, default=-1)
            wanted |= {record.step for record in there.values() if record.step > evaluated}
        for path, record in there.items():
            if record.step not in wanted:
                # The record first: killed in between, the files are found and removed later.
                self._replace(path, kept=False)
                try:
                    remove_checkpoint(Checkpoint(record.step, record.uri))
                except (OSError, tf.errors.OpError) as error:
                    # It takes room, which is no reason to end a training.
                    _log.warning("an old checkpoint cannot be removed: %s", error)

    def _replace(self, path: str, **changes: Any) -> None:
        record = dataclasses.replace(self._records[path], **changes)
        replace_record(path, record, self._files)
        inside = record.uri.rpartition("/")[0]
        if self._is_outside(inside) and _exists(record_path(inside, record)):
            write_record(inside, record, files_for(inside))
        self._remember(path, record)

    def _place(self, prefix: str) -> str:
        folder, _, stem = prefix.rpartition("/")
        if folder not in self._canonical:
            self._canonical[folder] = canonical(folder)
        return f"{self._canonical[folder]}/{stem}"

    def _is_outside(self, folder: str) -> bool:
        if folder not in self._is_elsewhere:
            self._is_elsewhere[folder] = is_outside(self._training.folder, folder)
        return self._is_elsewhere[folder]

    def _look_outside(self, folder: str) -> None:
        """Reads what other trainings have written down of the checkpoints there."""
        self._outside.add(canonical(folder))
        files = files_for(folder)
        if files.exists(folder):
            for record in read_records(folder, files).values():
                if isinstance(record, CheckpointRecord):
                    self._known.setdefault((record.step, record.digest), record)


def _facts_of(prefix: str) -> tuple[int, bool]:
    """The global step, and whether it was written by `tf.train.Checkpoint`."""
    reader = tf.train.load_checkpoint(prefix)
    names = reader.get_variable_to_shape_map()
    is_object = "_CHECKPOINTABLE_OBJECT_GRAPH" in names
    if "global_step" in names:
        return int(reader.get_tensor("global_step")), is_object
    return int(prefix.rpartition("-")[2]), is_object


def _size(path: str) -> int:
    return int(tf.io.gfile.stat(path).length)


def _exists(path: str) -> bool:
    """Whether a file is there; one that cannot be looked for is taken to be."""
    files = files_for(path)
    try:
        return files.exists(path)
    except files.failures:
        return True


def _put_on_disk(paths: Sequence[str]) -> None:
    """A machine that goes away takes what only its memory holds."""
    for path in paths:
        if "://" not in path:
            with pathlib.Path(path).open("rb") as file:
                os.fsync(file.fileno())
