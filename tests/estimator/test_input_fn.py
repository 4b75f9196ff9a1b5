"""The default input function: what comes out, in which order, from which kind of file."""

from __future__ import annotations

import itertools
import pathlib
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tf_examples import make_example, write_records

from tfx_estimators.estimator.input_fn import Batches, make_input_fn

SPEC = {
    "id": tf.io.FixedLenFeature([1], tf.int64),
    "pair": tf.io.FixedLenFeature([2], tf.float32),
    "words": tf.io.VarLenFeature(tf.string),
}
DENSE = {name: SPEC[name] for name in ("id", "pair")}
COUNT = 1000
IN_MEMORY, FROM_FILES = 1 << 30, 0

pytestmark = pytest.mark.stacks


def record(number: int) -> bytes:
    pair = [float(number), float(-number)]
    return make_example(id=number, pair=pair, words=[b"w"] * (number % 3))


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Writes records 0 to COUNT-1 into files of which the last is shorter."""

    def make(suffix: str = ".gz", files: int = 3) -> list[str]:
        folder = tmp_path_factory.mktemp("records")
        paths = []
        for part in np.array_split(np.arange(COUNT), files):
            path = folder / f"part-{part[0]:04d}{suffix}"
            write_records(path, [record(int(number)) for number in part])
            paths.append(str(path))
        return paths

    return make


@pytest.fixture(scope="module")
def files(write: Callable[..., list[str]]) -> list[str]:
    return write()


def within_a_record(gzipped: bytes) -> int:
    """How many bytes to cut off so that the last record left is not whole."""
    for cut in range(20, len(gzipped)):
        records = zlib.decompressobj(wbits=31).decompress(gzipped[:-cut])
        while len(records) >= 12:
            length = struct.unpack("<Q", records[:8])[0] + 16
            if length > len(records):
                return cut
            records = records[length:]
        if records:
            return cut
    raise AssertionError("no such tear")


def ids(batches: Any, count: int | None = None) -> list[list[int]]:
    return [label.numpy()[:, 0].tolist() for _, label in itertools.islice(iter(batches), count)]


def flat(batches: list[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


@pytest.mark.parametrize("spec", [SPEC, DENSE], ids=["sparse", "dense"])
def test_evaluation_sees_every_example_once_in_order(files: list[str], spec: Any) -> None:
    batches = list(make_input_fn(files, spec, "id", Batches(64))())
    assert flat(ids(batches)) == list(range(COUNT))
    features, label = batches[0]
    assert set(features) == set(spec) - {"id"}
    assert label.shape == [64, 1]
    np.testing.assert_array_equal(features["pair"][:, 1], -np.arange(64))
    assert batches[-1][1].shape == [COUNT % 64, 1]


def test_without_a_label_there_are_features_alone(files: list[str]) -> None:
    features = next(iter(make_input_fn(files, DENSE, None, Batches(8))()))
    assert features["id"].shape == [8, 1]


@pytest.mark.parametrize("memory", [IN_MEMORY, FROM_FILES], ids=["memory", "files"])
@pytest.mark.parametrize("spec", [SPEC, DENSE], ids=["sparse", "dense"])
def test_training_passes_over_everything_in_new_orders(
    files: list[str], spec: Any, memory: int
) -> None:
    wanted = Batches(50, repeat=True, shuffle=True, seed=3, memory_limit=memory)
    seen = flat(ids(make_input_fn(files, spec, "id", wanted)(), 2 * COUNT // 50))
    first, second = seen[:COUNT], seen[COUNT:]
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert first != second
    assert first != sorted(first)
    # Neighbours in the file are spread over the batches.
    assert np.corrcoef(first, np.arange(COUNT))[0, 1] < 0.3


@pytest.mark.parametrize("memory", [IN_MEMORY, FROM_FILES], ids=["memory", "files"])
def test_the_seed_alone_decides_the_order(files: list[str], memory: int) -> None:
    def order(seed: int | None) -> list[list[int]]:
        wanted = Batches(50, repeat=True, shuffle=True, seed=seed, memory_limit=memory)
        return ids(make_input_fn(files, DENSE, "id", wanted)(), 30)

    assert order(3) == order(3)
    assert order(3) != order(4)
    assert order(None) != order(None)


@pytest.mark.parametrize("memory", [IN_MEMORY, FROM_FILES], ids=["memory", "files"])
def test_batches_stay_full_across_passes(files: list[str], memory: int) -> None:
    wanted = Batches(64, repeat=True, shuffle=True, memory_limit=memory)
    sizes = {len(batch) for batch in ids(make_input_fn(files, DENSE, "id", wanted)(), 40)}
    assert sizes == {64}


def test_rows_stay_whole_when_gathered_from_memory(files: list[str]) -> None:
    wanted = Batches(50, repeat=True, shuffle=True, memory_limit=IN_MEMORY)
    features, label = next(iter(make_input_fn(files, DENSE, "id", wanted)()))
    np.testing.assert_array_equal(features["pair"][:, 0], label[:, 0].numpy())


def test_one_shuffled_pass_ends(files: list[str]) -> None:
    seen = flat(ids(make_input_fn(files, DENSE, "id", Batches(64, shuffle=True))()))
    assert sorted(seen) == list(range(COUNT))
    assert seen != sorted(seen)


def test_plain_files_are_read_too(write: Callable[..., list[str]]) -> None:
    wanted = Batches(50, repeat=True, shuffle=True, memory_limit=IN_MEMORY)
    seen = flat(ids(make_input_fn(write(".tfrecord"), DENSE, "id", wanted)(), COUNT // 50))
    assert sorted(seen) == list(range(COUNT))


def test_gzipped_and_plain_files_do_not_mix(write: Callable[..., list[str]]) -> None:
    mixed = [*write(".gz"), *write(".tfrecord")]
    with pytest.raises(ValueError, match="some files are gzipped"):
        make_input_fn(mixed, DENSE, "id", Batches())()


def test_it_feeds_a_v1_graph(files: list[str]) -> None:
    wanted = Batches(50, repeat=True, shuffle=True, seed=3)
    eager = ids(make_input_fn(files, DENSE, "id", wanted)(), 3)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        dataset = make_input_fn(files, DENSE, "id", wanted)()
        iterator = tf.compat.v1.data.make_initializable_iterator(dataset)
        _, label = iterator.get_next()
        session.run(iterator.initializer)
        graph = [session.run(label)[:, 0].tolist() for _ in range(3)]
    assert graph == eager


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_torn_file_is_an_error(write: Callable[..., list[str]], suffix: str) -> None:
    files = write(suffix)
    last = pathlib.Path(files[-1])
    whole = last.read_bytes()
    # TensorFlow does not see that a gzipped file ends early if a record ends just there.
    cut = 5 if suffix == "" else within_a_record(whole)
    last.write_bytes(whole[:-cut])
    with pytest.raises(tf.errors.DataLossError):
        list(make_input_fn(files, DENSE, "id", Batches(64))())


@pytest.mark.parametrize("memory", [IN_MEMORY, FROM_FILES], ids=["memory", "files"])
@pytest.mark.parametrize(
    ("repeat", "shuffle"), [(True, True), (True, False), (False, True), (False, False)]
)
def test_an_interrupted_training_goes_on_with_what_would_have_come_next(
    files: list[str], memory: int, repeat: bool, shuffle: bool
) -> None:
    wanted = Batches(30, repeat=repeat, shuffle=shuffle, seed=3, memory_limit=memory)
    count = 80 if repeat else None  # Over two ends of the data.
    whole = ids(make_input_fn(files, SPEC, "id", wanted)(), count)
    for done in (0, 1, 20, 33, 34):
        rest = None if count is None else count - done
        assert ids(make_input_fn(files, SPEC, "id", wanted, done)(), rest) == whole[done:]
