"""The folder of a training: outside the step's outputs, the same for the same work.

TFX removes the outputs of a step that fails, and gives the next attempt new ones. The
checkpoints of a training stay: its folder is found again by the training's fingerprint.

    STORE/<fingerprint>/model.ckpt-1200.index ...   as the Estimator writes them
    STORE/<fingerprint>/checkpoint-1200-*.record.json   what ML Metadata is told of one
    STORE/<fingerprint>/evaluations/1200.json       metrics at a step
    STORE/<fingerprint>/writer.json                 which execution trains
    STORE/<fingerprint>/model_dirs.json             where else the Estimator writes, if it does
    STORE/<fingerprint>/vocabularies.json           what its rows stand for
    STORE/<fingerprint>/work.json                   what the fingerprint stands for
    STORE/<fingerprint>.lock                        while one does
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx.types.artifact import Artifact

from tfx_estimators.components.gfile import files_for
from tfx_estimators.components.lease import hold_lease
from tfx_estimators.components.locks import hold, hold_if_free, holder_of
from tfx_estimators.components.origin import Origin
from tfx_estimators.components.trainer.announcement import say
from tfx_estimators.components.trainer.checkpoints import retention
from tfx_estimators.components.trainer.checkpoints.extension import (
    find_base,
    note_work,
    take_over,
)
from tfx_estimators.components.trainer.checkpoints.fingerprint import FORMAT, find_work
from tfx_estimators.components.trainer.checkpoints.model_dirs import is_outside, note_model_dir
from tfx_estimators.components.trainer.checkpoints.recorder import Recorder
from tfx_estimators.components.trainer.checkpoints.store_folder import store_folder
from tfx_estimators.components.trainer.checkpoints.training import (
    FOREIGN,
    Start,
    Training,
    always_held,
)
from tfx_estimators.environment_variables import CHECKPOINTS
from tfx_estimators.errors import DamagedFileError, MissingFilesError, TrainingError
from tfx_estimators.lineage.documents import read
from tfx_estimators.lineage.record_files import SUFFIX

if TYPE_CHECKING:
    from tfx_estimators.estimator.checkpoints import Checkpoint

__all__ = [
    "WRITER_FILE",
    "find_training",
    "going_on_in",
    "hold_training",
    "open_training",
    "started",
]

WRITER_FILE = "writer.json"


def find_training(
    inputs: Mapping[str, Sequence[Artifact]],
    properties: Mapping[str, Any],
    model_run_uri: str,
    context: Any,
) -> Training:
    """The training that a step is to do.

    Args:
        inputs: the step's input artifacts.
        properties: its execution properties.
        model_run_uri: of its output, which TFX puts at ROOT/NODE/model_run/EXECUTION.
        context: the executor's.
    """
    origin = Origin.of_context(context, "EstimatorTrainer")
    # A node's id may hold slashes itself.
    parts = 3 + origin.node.count("/")
    store = store_folder(properties, model_run_uri.rstrip("/").rsplit("/", parts)[0])
    work = find_work(inputs, properties)
    policies = properties.get("retention")
    return Training(
        folder=f"{store}/{work.fingerprint}",
        fingerprint=work.fingerprint,
        origin=origin,
        retention=retention.from_json(policies) if policies else None,
        work=work,
    )


def started(training: Training) -> Training:
    """The training for a process that does not hold it, but takes part where another does."""
    from tfx_estimators.estimator.checkpoints import list_checkpoints

    there = list_checkpoints(training.folder)
    return dataclasses.replace(training, start=Start(there[-1].step)) if there else training


@contextlib.contextmanager
def open_training(training: Training) -> Iterator[Training]:
    """Holds a training's folder; what an interrupted one has left is put in order first.

    Only one process at a time gets past this; another one waits, and says for whom.

    Args:
        training: without `start`.

    Yields:
        The same with `start`.

    Raises:
        TrainingError: if the folder cannot be written, or a checkpoint cannot be read; if it
            is to extend a finished training, and there is none that it could.
        UnsupportedOptionError: if TensorFlow cannot find checkpoints in such a folder.
    """
    from tfx_estimators.estimator.checkpoints import check_model_dir, recover

    check_model_dir(training.folder)
    base = find_base(training)
    files = files_for(training.folder)
    try:
        files.makedirs(training.folder)
    except files.failures as error:
        raise _not_writable(training.folder, error) from error
    with _held(training.folder) as check:
        training = dataclasses.replace(training, check=check)
        note_work(training)
        if base is not None:
            take_over(base, training.folder)
            say(f"extending the finished training of {base.step} steps, {base.folder}")
        recovery = recover(training.folder)
        for torn in recovery.torn:
            say(
                f"warning: the checkpoint of step {torn.step} is torn: its files are now called "
                f"{torn.prefix}.*.torn"
            )
        previous = _previous_writer(training)
        recorder = Recorder(previous)
        recorder.catch_up()
        if (latest := recovery.latest) is not None:
            training = dataclasses.replace(training, start=_start(recorder, latest))
            say(f"going on from step {training.start.step} in {training.folder}")
        elif recovery.torn:
            say("warning: no complete checkpoint is left: training starts from step 0")
        else:
            for older in _of_an_older_format(training):
                say(
                    f"warning: {older} was begun by an earlier version of tfx-estimators: "
                    "training does not resume from there, but starts from step 0"
                )
        try:
            with files.open(f"{training.folder}/{WRITER_FILE}", "w") as file:
                file.write(training.to_json())
        except files.failures as error:
            raise _not_writable(training.folder, error) from error
        try:
            yield training
        except BaseException:
            # What the training failed with counts more; the next one catches up.
            try:
                check()
                Recorder(training).catch_up()
            except Exception as error:
                say(f"warning: the newest checkpoints are not recorded yet: {error}")
            raise
        check()
        Recorder(training).catch_up()


@contextlib.contextmanager
def going_on_in(training: Training, model_dir: str, *, leads: bool = True) -> Iterator[Training]:
    """The training, where the module's estimator writes into a folder of its own.

    Checkpoints that are there already, whoever wrote them, are recorded, and the training
    goes on from the newest as the Estimator does.

    Args:
        training: as `open_training` gave it.
        model_dir: the Estimator's.
        leads: whether this process writes there.

    Yields:
        The same with another `start`; itself if the folder is the training's.

    Raises:
        TrainingError: if a checkpoint cannot be read.
        UnsupportedOptionError: if TensorFlow cannot find checkpoints in such a folder.
    """
    from tfx_estimators.estimator.checkpoints import check_model_dir, list_checkpoints, recover

    check_model_dir(model_dir)
    if not is_outside(training.folder, model_dir):
        yield training
        return
    if not leads:
        there = list_checkpoints(model_dir)
        if there and there[-1].step != training.start.step:
            training = dataclasses.replace(training, start=Start(there[-1].step, None))
        yield training
        return
    folder = model_dir.rstrip("/")
    files_for(folder).makedirs(folder)
    with _held(folder) as held:
        check = training.check

        def both() -> None:
            check()
            held()

        training = dataclasses.replace(training, check=both)
        note_model_dir(training.folder, folder)
        recovery = recover(folder)
        for torn in recovery.torn:
            say(f"warning: the checkpoint of step {torn.step} is torn: see {torn.prefix}.*.torn")
        recorder = Recorder(dataclasses.replace(training, origin=FOREIGN, start=Start()))
        recorder.catch_up()
        if (latest := recovery.latest) is not None:
            training = dataclasses.replace(training, start=_start(recorder, latest))
            say(f"going on from step {training.start.step} in {folder}")
        yield training


def _start(recorder: Recorder, latest: Checkpoint) -> Start:
    record = recorder.find(latest.prefix)
    if record is None:
        return Start(latest.step, None)
    foreign = recorder.foreign_step(record.step)
    return Start(record.step, record.global_examples, record.digest, foreign)


@contextlib.contextmanager
def hold_training(training: Training) -> Iterator[Training]:
    """Holds a training's folder as `open_training` does, and changes nothing in it.

    Raises:
        MissingFilesError: if there is no such folder.
    """
    if not files_for(training.folder).exists(training.folder):
        raise MissingFilesError(
            f"there is no folder {training.folder}",
            expected="the folder of a training, STORE/<fingerprint>",
            fix="ls the checkpoint store",
        )
    with _held(training.folder) as check:
        yield dataclasses.replace(training, check=check)


@dataclasses.dataclass(frozen=True)
class _Writer:
    """What is read of another execution's `Training`."""

    origin: Origin
    start: Start | None = None
    format: int = 1


def _of_an_older_format(training: Training) -> list[str]:
    """Folders of the same step's trainings that did not end, and whose fingerprints an earlier
    version made: whether they are the same work cannot be told."""
    store, _, own = training.folder.rpartition("/")
    files = files_for(store)
    unreadable: tuple[type[Exception], ...] = (DamagedFileError, *files.failures)
    found = []
    _, folders, _ = next(iter(files.walk(store)), (store, [], []))
    for name in sorted(str(folder).rstrip("/") for folder in folders):
        path = f"{store}/{name}/{WRITER_FILE}"
        if name == own or not files.exists(path):
            continue
        try:
            writer = read(path, _Writer, files)
        except unreadable:
            continue  # Not worth more than a warning.
        origin = writer.origin
        same_step = (origin.pipeline, origin.node) == (
            training.origin.pipeline,
            training.origin.node,
        )
        _, _, names = next(iter(files.walk(f"{store}/{name}")))
        ended = any(n.startswith("model-") and n.endswith(SUFFIX) for n in map(str, names))
        if same_step and not ended and writer.format != FORMAT:
            found.append(f"{store}/{name}")
    return found


def _previous_writer(training: Training) -> Training:
    """The execution that wrote whatever lies in the folder without a record."""
    path = f"{training.folder}/{WRITER_FILE}"
    files = files_for(path)
    if not files.exists(path):
        return training
    try:
        previous = read(path, _Writer, files)
    except DamagedFileError:
        return training  # Torn: it was killed before it trained a step.
    if previous.start is None:
        return training
    # The folder may have been moved, or be seen under another name.
    return dataclasses.replace(training, origin=previous.origin, start=previous.start)


@contextlib.contextmanager
def _held(folder: str) -> Iterator[Callable[[], None]]:
    """Holds a folder; yields what raises once it is not held any more."""
    if "://" in folder:
        with hold_lease(f"{folder}.lease", say, TrainingError) as lease:
            yield lease.check
        return
    lock = pathlib.Path(f"{folder}.lock")
    with contextlib.ExitStack() as stack:
        if not stack.enter_context(hold_if_free(lock)):
            say(f"waiting for {holder_of(lock)}, which is already running this training")
            stack.enter_context(hold(lock, None, TrainingError))
        yield always_held


def _not_writable(folder: str, error: Exception) -> TrainingError:
    return TrainingError(
        f"checkpoints cannot be kept in {folder}: {error}",
        expected="a writable folder, with room for a few checkpoints",
        fix=f"correct checkpoint_store, or {CHECKPOINTS}: ls -ld {folder}; df -h {folder}",
    )
