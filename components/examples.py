"""Reading an Examples artifact: splits, files, records and record batches.

Files are read whole batches at a time through TensorFlow's reader, which checks
every record's checksum; Beam then handles a batch, not a record, as its element.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from tfx_estimators.errors import CorruptRecordError, EmptySplitError, UnsupportedOptionError
from tfx_estimators.estimator.eager import elements

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "MOST_BYTES",
    "Split",
    "batch_reader",
    "find_split",
    "find_splits",
    "is_parquet",
    "read_batches",
    "read_beginning",
    "split_names",
]

DEFAULT_BATCH_SIZE = 1024
"""Records a batch: large enough to hide Beam's cost an element, small in memory."""

MOST_BYTES = 16 << 20
"""Of records read together, where there may be fewer: some examples hold pictures."""

# Custom properties that ExampleGen and others write on the artifact.
_PAYLOAD_FORMAT = "payload_format"
_FILE_FORMAT = "file_format"
_SPLIT_PATTERNS = "custom_split_pattern"


@dataclasses.dataclass(frozen=True)
class Split:
    """One split over one or several Examples artifacts.

    Attributes:
        name: the split's name, e.g. "train".
        patterns: file patterns, one an artifact that has the split.
        files: the files they match now, sorted; never empty.
    """

    name: str
    patterns: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def parts(self) -> list[Split]:
        """The split of each artifact alone; one may have no files."""
        return [Split(self.name, (pattern,), _files([pattern])) for pattern in self.patterns]


def split_names(examples: Sequence[Artifact]) -> list[str]:
    """Names of all splits in the artifacts, in order of appearance."""
    names: dict[str, None] = {}
    for artifact in examples:
        names.update(dict.fromkeys(artifact_utils.decode_split_names(artifact.split_names)))
    return list(names)


def find_splits(
    examples: Sequence[Artifact], names: Sequence[str] | None = None, *, parquet: bool = False
) -> list[Split]:
    """Finds several splits; see `find_split`.

    Args:
        examples: Examples artifacts.
        names: the wanted splits; every split of the artifacts where not given.
        parquet: whether the caller reads Parquet files, too.
    """
    wanted = names or split_names(examples)
    return [find_split(examples, name, parquet=parquet) for name in wanted]


def find_split(examples: Sequence[Artifact], name: str, *, parquet: bool = False) -> Split:
    """Finds a split's files and checks that it can be read and is not empty.

    Only the first record is read: a record broken further on is found by
    `read_batches`.

    Args:
        examples: Examples artifacts holding serialized tf.Examples in TFRecords.
        name: the split's name.
        parquet: whether the caller reads Parquet files, too.

    Raises:
        EmptySplitError: if no artifact has the split, or it has no record.
        CorruptRecordError: if its first record cannot be read.
        UnsupportedOptionError: if the payload or the files have another format.
    """
    patterns = []
    for artifact in examples:
        _check_formats(artifact, parquet)
        if name in artifact_utils.decode_split_names(artifact.split_names):
            patterns.append(_pattern(artifact, name))
    if not patterns:
        raise EmptySplitError(
            f"there is no split {name!r} in {', '.join(a.uri for a in examples) or 'no artifact'}",
            expected=f"one of {', '.join(split_names(examples)) or '(it has no splits)'}",
            fix="name one of these, or let the example generator write the split",
        )
    files = _files(patterns)
    if not any(map(_has_records, files)):
        raise EmptySplitError(
            f"the split {name!r} has no examples in {', '.join(patterns)}",
            expected="at least one example",
            fix="check the example generator's input and its split configuration",
        )
    return Split(name=name, patterns=tuple(patterns), files=files)


def is_parquet(file: str) -> bool:
    """Whether a file holds Parquet, by its name, as ".gz" says that one is gzipped."""
    return file.endswith(".parquet")


def read_batches(
    files: Sequence[str], batch_size: int = DEFAULT_BATCH_SIZE
) -> Iterator[list[bytes]]:
    """Reads TFRecord files, gzipped where the name ends in ".gz".

    Args:
        files: paths, anything `tf.io.gfile` opens.
        batch_size: most records a batch; a batch never spans two files.

    Yields:
        Lists of at least one record, in file order.

    Raises:
        CorruptRecordError: naming the file and the record where reading failed.
    """
    import tensorflow as tf

    for file in files:
        first, whole = read_beginning(file, batch_size)
        if whole:
            if first:
                yield first
            continue
        compression = "GZIP" if file.endswith(".gz") else ""
        dataset = functools.partial(_batches, file, compression, batch_size)
        records = 0
        try:
            for batch in elements(dataset):
                records += len(batch)
                yield batch.tolist()
        except (tf.errors.DataLossError, tf.errors.OutOfRangeError) as error:
            raise CorruptRecordError(
                f"{file}: a record after number {records} cannot be read: {error.message}",
                expected="a complete TFRecord file, gzipped if its name ends in .gz",
                fix="write the file again by re-running the example generator",
            ) from error


def read_beginning(file: str, most: int, most_bytes: int = MOST_BYTES) -> tuple[list[bytes], bool]:
    """A small file at once, without a dataset, which takes longer to make than it to read.

    Args:
        file: as in `read_batches`.
        most: as soon as this many records are read, the file is not small.
        most_bytes: the same of their size.

    Returns:
        The first records, and whether the file is small: then these are all. A file with a
        record that cannot be read is not small: `read_batches` says which one it is.
    """
    import tensorflow as tf

    options = tf.io.TFRecordOptions("GZIP" if file.endswith(".gz") else "")
    found: list[bytes] = []
    size = 0
    try:
        for record in tf.compat.v1.io.tf_record_iterator(file, options):
            found.append(record)
            size += len(record)
            if len(found) >= most or size >= most_bytes:
                return found, False
    except tf.errors.OpError:
        return found, False
    return found, True


def _batches(file: str, compression: str, batch_size: int) -> Iterator[Any]:
    import tensorflow as tf

    dataset = tf.data.TFRecordDataset([file], compression).batch(batch_size)
    batches: Iterator[Any] = dataset.as_numpy_iterator()
    return batches


def batch_reader(split: Split, batch_size: int = DEFAULT_BATCH_SIZE) -> Any:
    """A Beam transform: pipeline -> lists of serialized tf.Examples.

    Args:
        split: what to read.
        batch_size: most records a list. Small files share one.
    """
    import apache_beam as beam

    from tfx_estimators.components.batches import JoinBatches

    return (
        f"Files[{split.name}]" >> beam.Create(list(split.files))
        | f"Spread[{split.name}]" >> beam.Reshuffle()
        | f"Read[{split.name}]" >> beam.FlatMap(_read_file, batch_size)
        | f"Join[{split.name}]" >> beam.ParDo(JoinBatches(batch_size))
    )


def _read_file(file: str, batch_size: int) -> Iterator[list[bytes]]:
    return read_batches([file], batch_size)


def _files(patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(str(file) for pattern in patterns for file in fileio.glob(pattern)))


def _has_records(file: str) -> bool:
    if is_parquet(file):
        from tfx_estimators.components.parquet import open_parquet

        with open_parquet(file) as opened:
            return bool(opened.metadata.num_rows)
    return any(True for _ in read_batches([file], batch_size=1))


def _pattern(artifact: Artifact, split: str) -> str:
    if artifact.has_custom_property(_SPLIT_PATTERNS):
        patterns = json.loads(artifact.get_string_custom_property(_SPLIT_PATTERNS))
        if split in patterns:
            return f"{artifact.uri}/{patterns[split]}"
    return f"{artifact_utils.get_split_uri([artifact], split)}/*"


def _check_formats(artifact: Artifact, parquet: bool) -> None:
    payload = artifact.get_string_custom_property(_PAYLOAD_FORMAT) or "FORMAT_TF_EXAMPLE"
    files = artifact.get_string_custom_property(_FILE_FORMAT) or "tfrecords_gzip"
    if parquet and payload == "FORMAT_PARQUET":
        # ImportExampleGen says "tfrecords_gzip" of Parquet files.
        return
    for name, value, known in (
        (_PAYLOAD_FORMAT, payload, ("FORMAT_TF_EXAMPLE",)),
        (_FILE_FORMAT, files, ("tfrecords_gzip", "FORMAT_TFRECORDS_GZIP")),
    ):
        if value not in known:
            also = ", or FORMAT_PARQUET" if parquet else ""
            raise UnsupportedOptionError(
                f"the examples in {artifact.uri} have {name} {value!r}",
                expected=f"{known[0]}: serialized tf.Examples in TFRecord files{also}",
                fix="let the example generator write tf.Examples to TFRecords",
            )
