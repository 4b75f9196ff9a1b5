"""The default input function: batches of parsed tf.Examples from TFRecord files.

Records are handled a block at a time from the file to the batch: reading, shuffling
and parsing cost next to nothing an example. Data that fits in memory is parsed once
and then only gathered, in a new order for every pass.
"""

from __future__ import annotations

import dataclasses
import gzip
import secrets
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["Batches", "make_input_fn"]

_BLOCK_RECORDS = 16384
_BLOCK_BYTES = 64 << 20  # of serialized records; a few blocks are in memory at a time
_READ_RECORDS = 1024
_PARSED_RECORDS = 2048
_PARSED_PARTS = 8  # a block is parsed in so many, as several are in memory at a time
_GATHERED_RECORDS = 8192
_GATHERED_PARTS = 8  # of what is held in memory, so that little more of it is needed
_OPEN_FILES = 8
_GIGABYTES_UNTOLD = 64 << 20  # gzip tells a file's size modulo 4 GiB only


@dataclasses.dataclass(frozen=True)
class Batches:
    """How records become batches.

    Attributes:
        batch_size: examples a batch; evaluation keeps the smaller last one.
        repeat: start over at the end of the data, for ever.
        shuffle: new order in every pass: over all records where they fit in memory,
            else over files and within blocks of at most 16,384 records.
        seed: makes the order the same in every run; without one it differs and reading
            in parallel may also interleave files differently.
        memory_limit: most bytes of uncompressed records to hold in memory. Larger data
            is read anew in every pass.
        sharding: where several workers read: "disjoint" gives each of them a part of
            the records, and all records to some worker; "shuffled" gives all records
            to each, in an order of its own.
    """

    batch_size: int = 256
    repeat: bool = False
    shuffle: bool = False
    seed: int | None = None
    memory_limit: int = 256 << 20
    sharding: str = "disjoint"


def make_input_fn(
    files: Sequence[str],
    feature_spec: Mapping[str, Any],
    label_key: str | None,
    batches: Batches,
    batches_done: int = 0,
) -> Callable[[], tf.data.Dataset]:
    """Makes an `input_fn` for `Estimator.train`, `evaluate` and `predict`.

    Args:
        files: TFRecord files, gzipped where the name ends in ".gz"; any path that
            `tf.io.gfile` opens.
        feature_spec: what to parse, as `tf.io.parse_example` takes it, the label
            included; features that are not named cost nothing.
        label_key: the feature to return as the label, or None for features alone.
        batches: batch size, order and repetition.
        batches_done: how many each replica has had already, in an earlier session of the
            same training: the data goes on after them. With a seed it is what would have
            come next; of the passes before, nothing is read.

    Returns:
        A function that returns a dataset of `(features, label)`: a dict of tensors of
        shape [batch, ...] as in `feature_spec`, and the label. Its only argument, which
        an Estimator with a distribution strategy passes, is the `tf.distribute`
        InputContext.
    """
    files = tuple(files)
    spec = dict(feature_spec)

    def parse(records: tf.Tensor) -> Any:
        features = tf.io.parse_example(records, spec)
        return features if label_key is None else (features, features.pop(label_key))

    def input_fn(input_context: Any = None) -> tf.data.Dataset:
        reader = _Reader.of(input_context, batches)
        done = batches_done * _replicas(input_context)
        dense = all(isinstance(f, tf.io.FixedLenFeature) for f in spec.values())
        if batches.repeat and _fits_in_memory(files, batches.memory_limit):
            dataset = _from_memory(files, parse, batches, reader, done, dense=dense)
        elif batches.shuffle:
            dataset = _shuffled(files, parse, batches, reader, done, dense=dense)
        else:
            records = _in_order(files, batches, reader, done)
            dataset = records.map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        options = tf.data.Options()
        options.deterministic = batches.seed is not None or not batches.shuffle
        return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)

    return input_fn


@dataclasses.dataclass(frozen=True)
class _Reader:
    """One of the workers that read the same files.

    Attributes:
        index: its number.
        parts: into how many parts the records are dealt; this reader takes one.
        seed: of its order.
    """

    index: int
    parts: int
    seed: int

    @classmethod
    def of(cls, context: Any, batches: Batches) -> _Reader:
        count = 1 if context is None else int(context.num_input_pipelines)
        index = 0 if context is None else int(context.input_pipeline_id)
        seed = secrets.randbits(31) if batches.seed is None else batches.seed + index
        return cls(index, count if batches.sharding == "disjoint" else 1, seed)

    def part(self, records: tf.data.Dataset, offset: Any = 0) -> tf.data.Dataset:
        """This reader's part of a file's records; `offset` deals the first one out."""
        if self.parts == 1:
            return records
        return records.shard(self.parts, (self.index + offset) % self.parts)


def _replicas(context: Any) -> int:
    """How many batches a worker takes in each step."""
    if context is None:
        return 1
    return max(1, int(context.num_replicas_in_sync) // int(context.num_input_pipelines))


def _from_memory(
    files: Sequence[str],
    parse: Callable[[tf.Tensor], Any],
    batches: Batches,
    reader: _Reader,
    done: int,
    *,
    dense: bool,
) -> tf.data.Dataset:
    """Batches gathered from tensors that hold all records."""
    blocks = reader.part(_records(files, _compression(files))).batch(_READ_RECORDS)
    if dense:
        blocks = blocks.map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    # Evaluated once, when the iterator is initialized: the map below captures them.
    held = blocks.rebatch(tf.int64.max).get_single_element()
    count = tf.shape(tf.nest.flatten(held)[0], out_type=tf.int64)[0]
    # Where earlier sessions came to: so many passes, and this far into the next. (In an
    # Estimator's graph `==` would compare identities.)
    examples_done = tf.constant(done * batches.batch_size, tf.int64)
    count_or_1 = tf.maximum(count, 1)
    first_pass, taken = examples_done // count_or_1, examples_done % count_or_1

    def order(one_pass: tf.Tensor) -> tf.Tensor:
        indices = tf.range(count)
        if batches.shuffle:
            seed = [reader.seed, one_pass]
            indices = tf.random.experimental.stateless_shuffle(indices, seed=seed)
        return indices[tf.where(tf.equal(one_pass, first_pass), taken, 0) :]

    indices = tf.data.Dataset.range(first_pass, tf.int64.max).map(order)
    size = batches.batch_size
    if not dense:
        return indices.rebatch(size).map(
            lambda some: parse(tf.gather(held, some)), num_parallel_calls=tf.data.AUTOTUNE
        )
    # Gathering costs most an operation, not a record.
    records = tf.minimum(count // _GATHERED_PARTS, _GATHERED_RECORDS)
    several = tf.maximum(records // size, 1)
    return indices.rebatch(several * size).map(_Table(held).rows).rebatch(size)


class _Table:
    """Records whose columns of one type lie side by side: few operations gather some of them.

    Args:
        columns: nest of tensors, `[records, ...]`.
    """

    def __init__(self, columns: Any) -> None:
        self._columns = columns
        flat = tf.nest.flatten(columns)
        self._shapes = [column.shape[1:] for column in flat]
        self._widths = [shape.num_elements() for shape in self._shapes]
        self._numbers: dict[Any, list[int]] = {}
        for number, column in enumerate(flat):
            self._numbers.setdefault(column.dtype, []).append(number)
        records = tf.shape(flat[0])[0]
        self._matrices = {
            dtype: tf.concat(
                [tf.reshape(flat[number], [records, self._widths[number]]) for number in numbers], 1
            )
            for dtype, numbers in self._numbers.items()
        }

    def rows(self, indices: tf.Tensor) -> Any:
        """The nest of columns with these records only."""
        flat: list[Any] = [None] * len(self._shapes)
        records = tf.size(indices)
        for dtype, numbers in self._numbers.items():
            rows = tf.gather(self._matrices[dtype], indices)
            parts = tf.split(rows, [self._widths[number] for number in numbers], 1)
            for number, part in zip(numbers, parts, strict=True):
                flat[number] = tf.reshape(part, [records, *self._shapes[number]])
        return tf.nest.pack_sequence_as(self._columns, flat)


def _shuffled(
    files: Sequence[str],
    parse: Callable[[tf.Tensor], Any],
    batches: Batches,
    reader: _Reader,
    done: int,
    *,
    dense: bool,
) -> tf.data.Dataset:
    """Batches of parsed records: files in a new order each pass, blocks shuffled."""
    block = _block_size(files, batches.batch_size)
    compression = _compression(files)

    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        pass_seed = tf.random.experimental.stateless_fold_in([reader.seed, 0], number)
        order = tf.random.experimental.stateless_shuffle(tf.range(len(files)), seed=pass_seed)

        def shuffle_block(index: tf.Tensor, records: tf.Tensor) -> tf.Tensor:
            block_seed = tf.random.experimental.stateless_fold_in(pass_seed, index)
            return tf.random.experimental.stateless_shuffle(records, seed=block_seed)

        return (
            tf.data.Dataset.from_tensor_slices(order)
            .interleave(
                # The first record of file i goes to reader i, so that many small files
                # are dealt out evenly too.
                lambda file: reader.part(
                    _records([tf.gather(list(files), file)], compression), tf.cast(file, tf.int64)
                ).batch(min(_READ_RECORDS, block)),
                cycle_length=min(len(files), _OPEN_FILES),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
            .rebatch(block)
            .enumerate()
            .map(shuffle_block)
        )

    first_pass, taken = _position(files, reader, batches, done)
    passes = tf.data.Dataset.range(first_pass, tf.int64.max if batches.repeat else 1)
    # The next block is read while this one is trained on.
    blocks = passes.flat_map(one_pass).skip(taken // block).prefetch(1)

    def cut_first(index: tf.Tensor, records: tf.Tensor) -> tf.Tensor:
        return records[tf.where(tf.equal(index, 0), taken % block, 0) :]

    records = blocks.enumerate().map(cut_first)
    size = batches.batch_size
    # Parsing a small batch costs twice as much an example as parsing a large one.
    several = max(1, min(_PARSED_RECORDS, block // _PARSED_PARTS) // size) if dense else 1
    parsed = records.rebatch(several * size).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    return parsed.rebatch(size) if several > 1 else parsed


def _in_order(
    files: Sequence[str], batches: Batches, reader: _Reader, done: int
) -> tf.data.Dataset:
    records = reader.part(_records(files, _compression(files))).batch(batches.batch_size)
    if batches.repeat:
        records = records.repeat()
    return records.skip(done)


def _position(
    files: Sequence[str], reader: _Reader, batches: Batches, done: int
) -> tuple[Any, Any]:
    """The pass that earlier sessions came to, and how many of its records they took."""
    taken = tf.constant(done * batches.batch_size, tf.int64)
    if not (done and batches.repeat):
        return tf.constant(0, tf.int64), taken
    count = tf.constant(0, tf.int64)
    compression = _compression(files)
    for number, file in enumerate(files):
        records = reader.part(_records([file], compression), number)
        count += records.reduce(tf.constant(0, tf.int64), lambda sum_, _: sum_ + 1)
    return taken // count, taken % count


def _records(files: Any, compression: str) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression)


def _compression(files: Sequence[str]) -> str:
    gzipped = {file.endswith(".gz") for file in files}
    if len(gzipped) > 1:
        raise ValueError(f"some files are gzipped and some are not: {', '.join(files)}")
    return "GZIP" if gzipped == {True} else ""


def _block_size(files: Sequence[str], batch_size: int) -> int:
    # The first record stands for all: a block of images must not fill the memory.
    with tf.io.gfile.GFile(files[0], "rb") as file:
        opened: Any = gzip.GzipFile(fileobj=file) if files[0].endswith(".gz") else file
        header = opened.read(8)
    size = struct.unpack("<Q", header)[0] if len(header) == 8 else 1
    return max(batch_size, min(_BLOCK_RECORDS, _BLOCK_BYTES // max(1, size)))


def _fits_in_memory(files: Sequence[str], limit: int) -> bool:
    total = 0
    for path in files:
        length = tf.io.gfile.stat(path).length
        if not path.endswith(".gz"):
            total += length
        elif length > _GIGABYTES_UNTOLD:
            return False
        else:
            with tf.io.gfile.GFile(path, "rb") as file:
                file.seek(max(0, length - 4))
                tail = file.read(4)
            total += struct.unpack("<I", tail)[0] if len(tail) == 4 else 0
    return total <= limit
