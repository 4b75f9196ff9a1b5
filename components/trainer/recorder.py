"""Writes a record beside every checkpoint of a training, and removes those not kept.

The record is what ML Metadata is told later, by whoever can: see `lineage.records`.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import logging
import os
import pathlib
import time
from typing import Any

import tensorflow as tf

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.trainer.evaluations import read_evaluations
from tfx_estimators.components.trainer.example_counter import ExampleCounter
from tfx_estimators.components.trainer.examples_note import noted_examples
from tfx_estimators.components.trainer.retention import kept
from tfx_estimators.components.trainer.store import Training
from tfx_estimators.errors import NotInMetadataError
from tfx_estimators.estimator.checkpoints import Checkpoint, list_checkpoints, remove_checkpoint
from tfx_estimators.lineage.digests import checkpoint_digest, checkpoint_files
from tfx_estimators.lineage.record_files import (
    read_records,
    record_path,
    replace_record,
    write_record,
)
from tfx_estimators.lineage.records import CheckpointRecord

__all__ = ["Recorder", "RecordingListener"]

_log = logging.getLogger(__name__)


class Recorder:
    """The records of one training. One process at a time has one.

    Args:
        training: whose checkpoints they are, and who writes them.
        evaluated_elsewhere: whether another process evaluates checkpoints meanwhile. It
            takes the newest each time: those that came after the one it evaluated last
            are not removed.
    """

    def __init__(self, training: Training, *, evaluated_elsewhere: bool = False) -> None:
        self._training = training
        self._evaluated_elsewhere = evaluated_elsewhere
        self._files = files_for(training.folder)
        self._records = {
            path: record
            for path, record in read_records(training.folder, self._files).items()
            if isinstance(record, CheckpointRecord)
        }

    def find(self, prefix: str) -> CheckpointRecord:
        """The record of a checkpoint that is there."""
        (found,) = [r for r in self._records.values() if r.kept and r.uri == prefix]
        return found

    def knows(self, prefix: str) -> bool:
        """Whether a checkpoint that is there has a record."""
        return any(record.kept and record.uri == prefix for record in self._records.values())

    def at_step(self, step: int) -> CheckpointRecord | None:
        """The newest record of a step; its checkpoint may be gone."""
        found = [record for record in self._records.values() if record.step == step]
        return max(found, key=lambda record: (record.kept, record.wall_time), default=None)

    def newest(self) -> CheckpointRecord | None:
        """The record of the newest checkpoint that is there."""
        there = [record for record in self._records.values() if record.kept]
        return max(there, key=lambda record: (record.step, record.wall_time), default=None)

    def catch_up(self, counter: ExampleCounter | None = None) -> None:
        """Records what has no record yet, what was measured since, and what is gone.

        Args:
            counter: counted the examples of the session that has just ended.
        """
        there = list_checkpoints(self._training.folder)
        prefixes = {checkpoint.prefix for checkpoint in there}
        recorded = {record.uri for record in self._records.values() if record.kept}
        for path, record in list(self._records.items()):
            if record.kept and record.uri not in prefixes:
                self._replace(path, dataclasses.replace(record, kept=False))
        for checkpoint in there:
            if checkpoint.prefix not in recorded:
                examples = None if counter is None else counter.at(checkpoint.step)
                self.record(checkpoint.prefix, examples)
        self._note_metrics()
        self._prune()

    def record(self, prefix: str, examples: int | None = None) -> None:
        """Records a checkpoint, then removes those that no policy asks for.

        Args:
            prefix: of the checkpoint, which nobody writes any more.
            examples: trained on up to here; None to reckon it from the steps.
        """
        paths = checkpoint_files(prefix, self._files)
        if not paths:
            return  # TensorFlow's own retention was quicker.
        _put_on_disk(paths)
        digest = checkpoint_digest(prefix, self._files)
        before = [r for r in self._records.items() if r[1].kept and r[1].uri == prefix]
        for path, old in before:
            if old.digest == digest:
                return  # An Estimator that goes on writes the one it restored once more.
            self._replace(path, dataclasses.replace(old, kept=False))
        step, is_object = _facts_of(prefix)
        origin, start = self._training.origin, self._training.start
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
            metrics=read_evaluations(self._training.folder).get(step, {}),
            size_bytes=sum(_size(path) for path in paths),
            checkpoint_format="object" if is_object else "saver",
            resumed_from=start.digest,
        )
        folder = prefix.rpartition("/")[0]
        write_record(folder, record, self._files)
        self._records[record_path(folder, record)] = record
        self._note_metrics()
        self._forget_removed()
        self._prune()

    def _reckoned(self, step: int) -> int:
        known = [(r.step, r.global_examples) for r in self._records.values()]
        known = [(at, examples) for at, examples in known if 0 < at <= step and examples]
        noted = noted_examples(self._training.folder)
        if noted is not None and not known:
            known = [noted]
        if not known:
            return 0
        at, examples = max(known)
        return examples * step // at

    def _note_metrics(self) -> None:
        for step, metrics in read_evaluations(self._training.folder).items():
            for path, record in list(self._records.items()):
                if record.step == step and record.kept and record.metrics != metrics:
                    self._replace(path, dataclasses.replace(record, metrics=metrics))

    def _forget_removed(self) -> None:
        """TensorFlow's own retention says nothing of what it removes."""
        for path, record in list(self._records.items()):
            if record.kept and not self._files.exists(f"{record.uri}.index"):
                self._replace(path, dataclasses.replace(record, kept=False))

    def _prune(self) -> None:
        if self._training.retention is None:
            return
        there = {path: record for path, record in self._records.items() if record.kept}
        wanted = kept(self._training.retention, {r.step: r.metrics for r in there.values()})
        if self._evaluated_elsewhere:
            evaluated = max(read_evaluations(self._training.folder), default=-1)
            wanted |= {record.step for record in there.values() if record.step > evaluated}
        for path, record in there.items():
            if record.step not in wanted:
                # The record first: killed in between, the files are found and removed later.
                self._replace(path, dataclasses.replace(record, kept=False))
                remove_checkpoint(Checkpoint(record.step, record.uri))

    def _replace(self, path: str, record: CheckpointRecord) -> None:
        replace_record(path, record, self._files)
        self._records[path] = record


class RecordingListener(tf.compat.v1.train.CheckpointSaverListener):
    """Has every checkpoint recorded as it is written, beside the training.

    Args:
        recorder: of the training.
        model_dir: where the Estimator writes.
        counter: counts the examples; a hook of the same session.
    """

    def __init__(self, recorder: Recorder, model_dir: str, counter: ExampleCounter) -> None:
        self._recorder = recorder
        self._model_dir = model_dir
        self._counter = counter
        self._counter.counted = self._begin
        self._written: list[str] = []
        # One thread: reading a checkpoint for its digest does not hold the training up.
        self._thread = concurrent.futures.ThreadPoolExecutor(1)

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Called by TensorFlow once a checkpoint is complete."""
        prefix = f"{self._model_dir.rstrip('/')}/model.ckpt-{global_step_value}"
        self._written.append(prefix)
        # Else the counter has not seen the step yet, which was saved before it ended.
        if global_step_value <= self._counter.step:
            self._begin()

    def finish(self) -> None:
        """Waits until all that was written is recorded."""
        self._begin()
        self._thread.shutdown(wait=True)
        self._recorder.catch_up(self._counter)

    def look(self) -> None:
        """Has checkpoints recorded that it was not told of, but for the newest.

        That one may still be being written.
        """
        self._thread.submit(self._look)

    def _look(self) -> None:
        for checkpoint in list_checkpoints(self._model_dir)[:-1]:
            if not self._recorder.knows(checkpoint.prefix):
                self._record(checkpoint.prefix, self._counter.at(checkpoint.step))

    def _begin(self) -> None:
        for prefix in self._written:
            self._thread.submit(self._record, prefix, self._counter.count())
        self._written.clear()

    def _record(self, prefix: str, examples: int | None) -> None:
        try:
            self._recorder.record(prefix, examples)
        except (OSError, tf.errors.OpError, NotInMetadataError) as error:
            # The training goes on; what has no record gets one when it ends.
            _log.warning("the checkpoint %s is not recorded yet: %s", prefix, error)


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


def _put_on_disk(paths: list[str]) -> None:
    """A machine that goes away takes what only its memory holds."""
    for path in paths:
        if "://" not in path:
            with pathlib.Path(path).open("rb") as file:
                os.fsync(file.fileno())
