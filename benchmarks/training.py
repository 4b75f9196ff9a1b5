"""Training speed: our input function beside other ways of feeding the same model.

One wide & deep model over the taxi trips is trained in turn by

*   ours: `estimator.input_fn.make_input_fn`, as `EstimatorTrainer` calls it;
*   ours, from files: the same as ours, told to hold nothing in memory between passes;
*   memory: an Estimator fed from 200 batches that were parsed before (the ceiling);
*   stock TFX: an Estimator over `make_batched_features_dataset`, as TFX's own examples;
*   guide's CSV: an Estimator over `make_csv_dataset`, as the Estimator guide has it;
*   Keras: `fit` of the equal model on our datasets, by tf_keras;
*   Keras 3: `fit` of the model as it is written today, its preprocessing layers in the
    dataset, 20 steps an execution, once as it is and once compiled by XLA (with TensorFlow
    2.16 and later).

What input costs is shown by its batches alone, which nothing is trained on: "ours alone",
"memory alone" and "files alone" for "ours", "memory" and "ours, from files".

Every way is timed once a round, after a warm-up, in a new order each round; the table
gives medians in examples a second, and in examples a second of processor time, which other
work on the machine disturbs less. The last line is one line of JSON with medians of the
rounds' ratios.

    python benchmarks/training.py [--rounds 3] [--steps 2000] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import csv
import functools
import itertools
import logging
import os
import pathlib
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from tfx_estimators.json_text import dumps, finite

# TensorFlow reads this when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from tfx_estimators import estimator as tf_estimator  # noqa: E402
from tfx_estimators.estimator.input_fn import Batches, make_input_fn  # noqa: E402
from tfx_estimators.estimator.step_loops.skippable_hooks import MOST_STEPS  # noqa: E402
from tfx_estimators.pipelines.taxi import data as taxi_data  # noqa: E402

fc = tf.feature_column

LABEL = "big_tipper"
FLOATS = (
    "fare",
    "trip_miles",
    "trip_seconds",
    "pickup_latitude",
    "pickup_longitude",
    "dropoff_latitude",
    "dropoff_longitude",
    "dropoff_community_area",
)
INTS = ("trip_start_hour", "trip_start_day", "trip_start_month", "pickup_community_area")
STRINGS = ("payment_type", "company")
SPEC = {
    **{key: tf.io.FixedLenFeature([1], tf.float32) for key in FLOATS},
    **{key: tf.io.FixedLenFeature([1], tf.int64) for key in (*INTS, LABEL)},
    **{key: tf.io.FixedLenFeature([1], tf.string) for key in STRINGS},
}
HIDDEN_UNITS = (100, 70, 50, 25)
MEMORY_BATCHES = 200
WARM_UP = 300
"""An Estimator begins to run several steps a call after its first hundred."""
STEPS_PER_EXECUTION = 20

Dataset = Callable[[], tf.data.Dataset]


class Rate(NamedTuple):
    """Examples a second of time and of processor time."""

    elapsed: float
    processor: float


def read_trips(data: pathlib.Path | None) -> list[dict[str, Any]]:
    """The trips of a folder or of the TFX wheel, nothing missing, with the label."""
    folder, pattern = taxi_data.find_trips(data)
    trips = []
    for path in sorted(pathlib.Path(folder).glob(pattern)):
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
            trip: dict[str, Any] = {key: float(row[key] or 0) for key in FLOATS}
            trip.update({key: int(row[key] or 0) for key in INTS})
            trip.update({key: row[key] for key in STRINGS})
            trip[LABEL] = int(float(row["tips"] or 0) > 0.2 * trip["fare"])
            trips.append(trip)
    return trips


def serialize(trip: dict[str, Any]) -> bytes:
    """The trip as a tf.Example."""

    def feature(value: Any) -> tf.train.Feature:
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))

    features = {key: feature(value) for key, value in trip.items()}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString())


def write_data(
    folder: pathlib.Path, trips: list[dict[str, Any]], copies: int
) -> tuple[list[str], list[str]]:
    """Writes the trips `copies` times, as TFRecords in two files and as CSV in two."""
    serialized = [serialize(trip) for trip in trips]
    records, tables = [], []
    for part in range(2):
        records.append(str(folder / f"trips-{part}.gz"))
        with tf.io.TFRecordWriter(records[-1], "GZIP") as writer:
            for record in itertools.chain.from_iterable([serialized] * (copies // 2)):
                writer.write(record)
        tables.append(str(folder / f"trips-{part}.csv"))
        with pathlib.Path(tables[-1]).open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, fieldnames=list(trips[0]))
            table.writeheader()
            for _ in range(copies // 2):
                table.writerows(trips)
    return records, tables


def feature_columns() -> tuple[list[Any], list[Any]]:
    """Columns of the wide and of the deep part."""
    sizes = {"trip_start_hour": 24, "trip_start_day": 8, "trip_start_month": 13}
    times = {
        key: fc.categorical_column_with_identity(key, size, default_value=0)
        for key, size in sizes.items()
    }
    area = fc.categorical_column_with_identity("pickup_community_area", 78, default_value=0)
    payment = fc.categorical_column_with_vocabulary_list(
        "payment_type",
        ["Cash", "Credit Card", "Dispute", "No Charge", "Pcard", "Prcard", "Unknown"],
        num_oov_buckets=1,
    )
    company = fc.categorical_column_with_hash_bucket("company", 200)
    places = [
        fc.bucketized_column(fc.numeric_column(key), np.linspace(low, low + 0.3, 9).tolist())
        for key, low in (
            ("pickup_latitude", 41.7),
            ("pickup_longitude", -87.9),
            ("dropoff_latitude", 41.7),
            ("dropoff_longitude", -87.9),
        )
    ]
    dropoff = fc.bucketized_column(fc.numeric_column("dropoff_community_area"), list(range(1, 78)))
    wide = [*times.values(), area, payment, company, *places, dropoff]
    deep = [
        *(fc.numeric_column(key) for key in ("fare", "trip_miles", "trip_seconds")),
        fc.indicator_column(payment),
        fc.indicator_column(times["trip_start_hour"]),
        fc.indicator_column(times["trip_start_day"]),
        fc.embedding_column(company, 8),
        fc.embedding_column(area, 8),
    ]
    return wide, deep


def from_memory(files: list[str], batch_size: int) -> Dataset:
    """Batches that were parsed before the clock runs."""
    count = MEMORY_BATCHES * batch_size
    records = tf.data.TFRecordDataset(files, "GZIP").repeat().batch(count)
    parsed = tf.io.parse_example(next(iter(records)), SPEC)
    arrays = {key: value.numpy() for key, value in parsed.items()}
    label = arrays.pop(LABEL)

    def input_fn() -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_tensor_slices((arrays, label))
        return dataset.batch(batch_size).cache().repeat().prefetch(tf.data.AUTOTUNE)

    return input_fn


def from_stock_tfx(files: list[str], batch_size: int) -> Dataset:
    """What the Estimator examples of TFX's documentation use."""
    return lambda: tf.data.experimental.make_batched_features_dataset(
        file_pattern=files,
        batch_size=batch_size,
        features=SPEC,
        reader=lambda paths: tf.data.TFRecordDataset(paths, compression_type="GZIP"),
        label_key=LABEL,
    )


def from_csv(files: list[str], batch_size: int) -> Dataset:
    """What the Estimator guide uses."""
    return lambda: tf.data.experimental.make_csv_dataset(files, batch_size, label_name=LABEL)


class Clock(tf.compat.v1.train.SessionRunHook):  # type: ignore[misc]
    """Notes when the warm-up and when the training ended.

    It need not see every step (`tfx_estimators.estimator.step_loops`), as no hook that the
    Estimator itself has does.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.began = self.ended = (0.0, 0.0)

    def tick(self, steps: int = 1) -> None:
        """Counts steps, of whose numbers WARM_UP is a multiple."""
        self.steps += steps
        self.ended = (time.perf_counter(), time.process_time())
        if self.steps == WARM_UP:
            self.began = self.ended

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Counts a step of an Estimator."""
        self.tick()

    def skippable_steps(self, step: int) -> int:
        """Those before the last of the warm-up, and all after it."""
        return max(0, WARM_UP - self.steps - 1) if self.steps < WARM_UP else MOST_STEPS

    def each_step(self) -> None:
        """Nothing."""

    def after_skipped_steps(self, values: Any, count: int) -> None:
        """Counts steps that ran in one call."""
        self.tick(count)

    def rate(self, batch_size: int) -> Rate:
        """Examples a second after the warm-up."""
        examples = (self.steps - WARM_UP) * batch_size
        elapsed, processor = (
            ended - began for began, ended in zip(self.began, self.ended, strict=True)
        )
        return Rate(examples / elapsed, examples / processor)


def time_estimator(input_fn: Dataset, steps: int, batch_size: int) -> Rate:
    """Examples a second of a fresh Estimator."""
    wide, deep = feature_columns()
    clock = Clock()
    with tempfile.TemporaryDirectory() as model_dir:
        tf_estimator.DNNLinearCombinedClassifier(
            linear_feature_columns=wide,
            dnn_feature_columns=deep,
            dnn_hidden_units=HIDDEN_UNITS,
            config=tf_estimator.RunConfig(model_dir=model_dir, tf_random_seed=1),
        ).train(input_fn, steps=WARM_UP + steps, hooks=[clock])
    return clock.rate(batch_size)


def time_input(input_fn: Dataset, steps: int, batch_size: int) -> Rate:
    """Examples a second of a dataset."""
    batches = iter(input_fn())

    @tf.function(autograph=False)  # type: ignore[misc]
    def take(count: Any) -> Any:
        def take_one(taken: Any) -> Any:
            batches.get_next()
            return (taken + 1,)

        return tf.while_loop(lambda taken: taken < count, take_one, (0,))

    clock = Clock()
    take(tf.constant(WARM_UP))
    clock.tick(WARM_UP)
    take(tf.constant(steps))
    clock.tick(steps)
    return clock.rate(batch_size)


def time_keras(input_fn: Dataset, steps: int, batch_size: int) -> Rate:
    """Examples a second of `fit` of the equal Keras model."""
    import tf_keras as keras

    wide, deep = feature_columns()
    # A linear model's weights are embeddings of one dimension, summed.
    weights = [fc.embedding_column(c, 1, "sum", tf.zeros_initializer()) for c in wide]
    linear = keras.Sequential(
        [
            keras.layers.DenseFeatures(weights),
            keras.layers.Lambda(lambda x: tf.reduce_sum(x, axis=1, keepdims=True)),
        ]
    )
    layers = [keras.layers.Dense(units, activation="relu") for units in HIDDEN_UNITS]
    dnn = keras.Sequential([keras.layers.DenseFeatures(deep), *layers, keras.layers.Dense(1)])
    model = keras.experimental.WideDeepModel(linear, dnn)
    model.compile(
        optimizer=["ftrl", "adagrad"], loss=keras.losses.BinaryCrossentropy(from_logits=True)
    )
    clock = Clock()

    class Tick(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        _supports_tf_logs = True  # spares Keras the conversion of its logs

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Counts a step of Keras."""
            clock.tick()

    model.fit(input_fn(), epochs=1, steps_per_epoch=WARM_UP + steps, callbacks=[Tick()], verbose=0)
    return clock.rate(batch_size)


def keras_3_inputs(input_fn: Dataset) -> tf.data.Dataset:
    """Our batches, with the ids that Keras 3's preprocessing layers make of them."""
    import keras

    layers = keras.layers
    payment = layers.StringLookup(
        vocabulary=["Cash", "Credit Card", "Dispute", "No Charge", "Pcard", "Prcard", "Unknown"]
    )
    company = layers.Hashing(200)
    places = {
        key: layers.Discretization(np.linspace(low, low + 0.3, 9).tolist())
        for key, low in (
            ("pickup_latitude", 41.7),
            ("pickup_longitude", -87.9),
            ("dropoff_latitude", 41.7),
            ("dropoff_longitude", -87.9),
        )
    }
    dropoff = layers.Discretization(list(range(1, 78)))

    def prepared(features: dict[str, tf.Tensor], label: tf.Tensor) -> Any:
        made = {key: features[key] for key in KERAS_3_NUMBERS}
        made.update({key: features[key] for key in INTS})
        made["payment_type"] = payment(features["payment_type"])
        made["company"] = company(features["company"])
        made.update({key: place(features[key]) for key, place in places.items()})
        made["dropoff_community_area"] = dropoff(features["dropoff_community_area"])
        return made, label

    return input_fn().map(prepared, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


KERAS_3_NUMBERS = ("fare", "trip_miles", "trip_seconds")
KERAS_3_SIZES = {
    "trip_start_hour": 24,
    "trip_start_day": 8,
    "trip_start_month": 13,
    "pickup_community_area": 78,
    "payment_type": 8,
    "company": 200,
    "pickup_latitude": 10,
    "pickup_longitude": 10,
    "dropoff_latitude": 10,
    "dropoff_longitude": 10,
    "dropoff_community_area": 78,
}
"""By category, how many ids it has."""


def time_keras_3(input_fn: Dataset, steps: int, batch_size: int, *, jit: bool) -> Rate:
    """Examples a second of `fit` of the equal model, as Keras 3 has it."""
    import keras

    layers = keras.layers
    numbers = {key: keras.Input((1,), name=key) for key in KERAS_3_NUMBERS}
    ids = {key: keras.Input((1,), name=key, dtype="int64") for key in KERAS_3_SIZES}
    wide = [
        layers.Flatten()(layers.Embedding(size, 1, embeddings_initializer="zeros")(ids[key]))
        for key, size in KERAS_3_SIZES.items()
    ]
    deep = [
        *numbers.values(),
        *(
            layers.CategoryEncoding(KERAS_3_SIZES[key], output_mode="one_hot")(ids[key])
            for key in ("payment_type", "trip_start_hour", "trip_start_day")
        ),
        *(
            layers.Flatten()(layers.Embedding(KERAS_3_SIZES[key], 8)(ids[key]))
            for key in ("company", "pickup_community_area")
        ),
    ]
    hidden = layers.Concatenate()(deep)
    for units in HIDDEN_UNITS:
        hidden = layers.Dense(units, activation="relu")(hidden)
    logit = layers.Add()([*wide, layers.Dense(1)(hidden)])
    model = keras.Model({**numbers, **ids}, logit)
    model.compile(
        optimizer=keras.optimizers.Adagrad(),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        steps_per_execution=STEPS_PER_EXECUTION,
        jit_compile=jit,
    )
    clock = Clock()

    class Tick(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Counts an execution's steps."""
            clock.tick(STEPS_PER_EXECUTION)

    model.fit(
        keras_3_inputs(input_fn),
        epochs=1,
        steps_per_epoch=WARM_UP + steps,
        callbacks=[Tick()],
        verbose=0,
    )
    return clock.rate(batch_size)


def has_keras_3() -> bool:
    """Whether this TensorFlow's Keras is Keras 3."""
    import keras

    return not keras.__version__.startswith("2.")


def measure(
    trips: list[dict[str, Any]], rounds: int, steps: int, batch_size: int, copies: int
) -> dict[str, list[Rate]]:
    """Rates by way, one a round."""
    with tempfile.TemporaryDirectory() as folder:
        records, tables = write_data(pathlib.Path(folder), trips, copies)
        ours = make_input_fn(records, SPEC, LABEL, Batches(batch_size, repeat=True, shuffle=True))
        streamed = make_input_fn(
            records,
            SPEC,
            LABEL,
            Batches(batch_size, repeat=True, shuffle=True, memory_limit=0),
        )
        memory = from_memory(records, batch_size)
        ways: dict[str, tuple[Callable[..., Rate], Dataset]] = {
            "ours": (time_estimator, ours),
            "memory": (time_estimator, memory),
            "keras": (time_keras, ours),
            "ours, from files": (time_estimator, streamed),
            "stock tfx": (time_estimator, from_stock_tfx(records, batch_size)),
            "guide's csv": (time_estimator, from_csv(tables, batch_size)),
            "ours alone": (time_input, ours),
            "memory alone": (time_input, memory),
            "files alone": (time_input, streamed),
        }
        if has_keras_3():
            ways["keras 3"] = (functools.partial(time_keras_3, jit=False), ours)
            ways["keras 3, xla"] = (functools.partial(time_keras_3, jit=True), ours)
        rates: dict[str, list[Rate]] = {name: [] for name in ways}
        for number in range(rounds):
            names = list(ways)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                time_way, dataset = ways[name]
                rates[name].append(time_way(dataset, steps, batch_size))
                elapsed = rates[name][-1].elapsed
                print(f"round {number + 1}: {name}: {elapsed:,.0f}", file=sys.stderr)
    return rates


def from_files_limit(memory: list[Rate], files: list[Rate]) -> float:
    """What part of the memory-fed rate is left if reading and training fill all processors."""
    cores = os.cpu_count() or 1
    return statistics.median(
        min(1.0, cores / (1 / fed.processor + 1 / read.processor) / fed.elapsed)
        for fed, read in zip(memory, files, strict=True)
    )


def from_memory_limit(memory: list[Rate], shuffled: list[Rate], kept: list[Rate]) -> float:
    """What part of the memory-fed rate is left if a step takes longer by what shuffling takes."""
    return statistics.median(
        1 / (1 + (1 / anew.processor - 1 / again.processor) * fed.elapsed)
        for fed, anew, again in zip(memory, shuffled, kept, strict=True)
    )


def main() -> None:
    """Prints the table and the line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="times each way is timed (3)")
    parser.add_argument("--steps", type=int, default=2000, help="batches timed a round (2000)")
    parser.add_argument("--batch-size", type=int, default=256, help="examples a batch (256)")
    parser.add_argument("--copies", type=int, default=10, help="copies of the 10,000 trips (10)")
    parser.add_argument(
        "--data", type=pathlib.Path, help="folder of the trips as CSV (TFX 1.15 brings none)"
    )
    options = parser.parse_args()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    trips = read_trips(options.data)
    rates = measure(trips, options.rounds, options.steps, options.batch_size, options.copies)
    print(f"{'fed by':20}{'examples/s':>12}{'lowest':>12}{'highest':>12}{'processor s':>14}")
    for name, values in rates.items():
        elapsed = [rate.elapsed for rate in values]
        processor = statistics.median(rate.processor for rate in values)
        print(
            f"{name:20}{statistics.median(elapsed):12,.0f}{min(elapsed):12,.0f}"
            f"{max(elapsed):12,.0f}{processor:14,.0f}"
        )

    def ratio(other: str, way: str = "ours", kind: int = 0) -> float:
        # Within a round, as a busy machine slows all ways of one round alike.
        pairs = zip(rates[way], rates[other], strict=True)
        return statistics.median(mine[kind] / theirs[kind] for mine, theirs in pairs)

    processor_time = Rate._fields.index("processor")
    figures = {
        "speedup_vs_keras_fit": ratio("keras"),
        # Its faster way counts.
        **(
            {"speedup_vs_keras_3": min(ratio("keras 3"), ratio("keras 3, xla"))}
            if has_keras_3()
            else {}
        ),
        "fraction_of_memory_fed": ratio("memory"),
        "speedup_vs_stock_tfx_estimator": ratio("stock tfx"),
        "speedup_vs_guide_csv": ratio("guide's csv"),
        "from_files_fraction_of_memory_fed": ratio("memory", "ours, from files"),
        "from_files_speedup_vs_stock": ratio("stock tfx", "ours, from files"),
        "from_files_processor_speedup_vs_stock": ratio(
            "stock tfx", "ours, from files", processor_time
        ),
        "memory_fed_limit": from_memory_limit(
            rates["memory"], rates["ours alone"], rates["memory alone"]
        ),
        "from_files_limit": from_files_limit(rates["memory"], rates["files alone"]),
    }
    print(dumps(finite({name: round(value, 3) for name, value in figures.items()})))


if __name__ == "__main__":
    main()
