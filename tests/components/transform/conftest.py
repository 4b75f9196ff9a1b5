"""One run of FeatureColumnTransform in a TFX pipeline, shared by the tests."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import random
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from tfx_estimators.errors import DataError
from tfx_estimators.pipelines.taxi.data import find_trips

# Every kind of column over the taxi trips. TRAINING_MODULE reads the outputs.
MODULE = textwrap.dedent(
    '''
    """Columns over taxi trips."""
    import tensorflow as tf
    import tensorflow_transform as tft
    from tfx_estimators.estimator import columns

    fc = tf.feature_column


    def thousands(x):
        return x / 1000


    def feature_columns():
        hour = fc.categorical_column_with_identity("trip_start_hour", 24)
        payment = fc.categorical_column_with_vocabulary_list(
            "payment_type", ["Cash", "Credit Card"], num_oov_buckets=2
        )
        company = columns.categorical_column_with_learned_vocabulary(
            "company", top_k=20, num_oov_buckets=3
        )
        latitude = columns.quantile_bucketized_column("pickup_latitude", 5, default_value=0.0)
        miles = fc.bucketized_column(
            fc.numeric_column("trip_miles", default_value=0.0), [0.5, 1.0, 5.0]
        )
        return {
            "linear": [
                hour, payment, company, latitude, miles,
                fc.categorical_column_with_hash_bucket("pickup_census_tract", 50, tf.int64),
                fc.crossed_column([latitude, company, "payment_type"], 97),
            ],
            "dnn": (
                columns.scaled_numeric_column("fare", default_value=0.0),
                columns.scaled_numeric_column("trip_miles", "min_max", default_value=1.0),
                fc.numeric_column(
                    "trip_seconds", default_value=0.0, normalizer_fn=tft.scale_to_z_score
                ),
                fc.numeric_column("dropoff_latitude", default_value=-1.0, normalizer_fn=thousands),
                fc.embedding_column(company, 3),
                fc.indicator_column(payment),
                latitude,
            ),
        }


    def preprocessing_fn(inputs, custom_config):
        tips = tf.sparse.to_dense(inputs["tips"])
        fare = tf.sparse.to_dense(inputs["fare"])
        share = custom_config["share"]
        return {"big_tipper": tf.cast(tf.reshape(tips > share * fare, [-1, 1]), tf.int64)}
    '''
)

SCHEMA = """
feature { name: "x" type: FLOAT presence { min_count: 1 } }
feature { name: "y" type: INT presence { min_count: 1 } }
feature { name: "color" type: BYTES presence { min_count: 1 } }
feature { name: "w" type: FLOAT presence { min_count: 1 } }
"""

# What a stock TFX Trainer does with what stock Transform writes.
TRAINING_MODULE = textwrap.dedent(
    '''
    """Reads a batch of transformed examples."""
    import pathlib
    import tensorflow_transform as tft
    from tfx_bsl.public import tfxio


    def run_fn(fn_args):
        output = tft.TFTransformOutput(fn_args.transform_graph_path)
        dataset = fn_args.data_accessor.tf_dataset_factory(
            fn_args.train_files,
            tfxio.TensorFlowDatasetOptions(batch_size=8, label_key="big_tipper", num_epochs=1),
            output.transformed_metadata.schema,
        )
        features, label = next(iter(dataset))
        folder = pathlib.Path(fn_args.serving_model_dir)
        folder.mkdir(parents=True)
        (folder / "read").write_text(" ".join(sorted(features)) + f" {label.shape[0]}")
    '''
)


@dataclasses.dataclass(frozen=True)
class Run:
    """URIs of what the run made, and the module's path."""

    module: str
    examples: str
    schema: str
    transform_graph: str
    transformed_examples: str
    transformed_properties: dict[str, Any]
    feature_columns: str
    model: str


@pytest.fixture(scope="session")
def transform_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Taxi trips from CSV, transformed, then read by a stock Trainer."""
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.components.schema_gen.component import SchemaGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.components.trainer.component import Trainer
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import trainer_pb2

    from tfx_estimators.components import FeatureColumnTransform

    root = tmp_path_factory.mktemp("transform_run")
    module = root / "module" / "taxi_columns.py"
    module.parent.mkdir()
    module.write_text(MODULE)
    training = root / "training.py"
    training.write_text(TRAINING_MODULE)
    examples = CsvExampleGen(input_base=str(_trips(root / "data")))
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"], infer_feature_shape=False)
    transform = FeatureColumnTransform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        module_file=str(module),
        label_key="big_tipper",
        custom_config={"share": 0.2},
    )
    trainer = Trainer(
        module_file=str(training),
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(num_steps=1),
        eval_args=trainer_pb2.EvalArgs(num_steps=1),
    )
    connection = metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite"))
    LocalDagRunner().run(
        Pipeline(
            pipeline_name="transform",
            pipeline_root=str(root / "artifacts"),
            components=[examples, statistics, schema, transform, trainer],
            metadata_connection_config=connection,
        )
    )
    with metadata.Metadata(connection) as handle:
        found = {
            kind: handle.store.get_artifacts_by_type(kind)
            for kind in ("Examples", "Schema", "TransformGraph", "Model")
        }
        columns = handle.store.get_artifacts_by_type("tfx_estimators.FeatureColumns")
    raw, transformed = sorted(found["Examples"], key=lambda artifact: artifact.id)
    return Run(
        module=str(module),
        examples=raw.uri,
        schema=found["Schema"][0].uri,
        transform_graph=found["TransformGraph"][0].uri,
        transformed_examples=transformed.uri,
        transformed_properties={
            "split_names": transformed.properties["split_names"].string_value,
            **{k: v.string_value for k, v in transformed.custom_properties.items()},
        },
        feature_columns=columns[0].uri,
        model=found["Model"][0].uri,
    )


def _trips(folder: pathlib.Path) -> pathlib.Path:
    """The taxi trips, or where TFX carries none, made-up ones."""
    try:
        return find_trips(None)[0]
    except DataError:
        folder.mkdir()
    chance = random.Random(5)
    with (folder / "trips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "trip_start_hour",
                "payment_type",
                "company",
                "pickup_latitude",
                "trip_miles",
                "pickup_census_tract",
                "fare",
                "trip_seconds",
                "dropoff_latitude",
                "tips",
            ]
        )
        for _ in range(1000):
            row: list[Any] = [
                chance.randrange(24),
                chance.choice(["Cash", "Credit Card", "Dispute", "Pcard"]),
                f"Company {int(chance.paretovariate(0.7)) % 60}",
                41.7 + chance.random() / 3,
                chance.expovariate(0.3),
                17031000000 + chance.randrange(100),
                3 + chance.expovariate(0.1),
                chance.randrange(3000),
                41.7 + chance.random() / 3,
                chance.random() * 5,
            ]
            # Missing values, but for the fare and the tips, which make the label.
            writer.writerow(
                "" if i not in (6, 9) and chance.random() < 0.1 else value
                for i, value in enumerate(row)
            )
    return folder


@pytest.fixture
def transform(
    tmp_path: pathlib.Path, channel: Callable[[Any], Any], execute: Callable[..., Any]
) -> Callable[..., Any]:
    """`transform(examples, columns, rest, **arguments)`: a module with those columns."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx.types import standard_artifacts

    from tfx_estimators.components import FeatureColumnTransform

    def run(
        examples: Any, columns: str, rest: str = "", *, schema: str = SCHEMA, **arguments: Any
    ) -> Any:
        module = tmp_path / f"columns_{abs(hash((columns, rest)))}.py"
        module.write_text(
            "import tensorflow as tf\n"
            "from tfx_estimators.estimator import columns\n"
            "fc = tf.feature_column\n"
            f"def feature_columns():\n    return {columns}\n" + textwrap.dedent(rest)
        )
        written = standard_artifacts.Schema()
        written.uri = str(tmp_path / "schema")
        (tmp_path / "schema").mkdir(exist_ok=True)
        proto = text_format.Parse(schema, schema_pb2.Schema())
        (tmp_path / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(proto))
        component = FeatureColumnTransform(
            examples=channel(standard_artifacts.Examples),
            schema=channel(standard_artifacts.Schema),
            module_file=str(module),
            **arguments,
        )
        outputs = execute(component, {"examples": examples, "schema": written})
        outputs["module"] = str(module)
        return outputs

    return run


@pytest.fixture(scope="session")
def transformed() -> Callable[..., list[dict[str, list[Any]]]]:
    """`transformed(outputs)`: the examples of a split that `transform` has written."""
    import tensorflow as tf

    def read(outputs: Any, split: str = "train") -> list[dict[str, list[Any]]]:
        folder = pathlib.Path(outputs["transformed_examples"].uri, f"Split-{split}")
        files = sorted(map(str, folder.iterdir()))
        rows = []
        for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            rows.append(
                {
                    name: list(getattr(feature, kind).value) if kind else []
                    for name, feature in features.items()
                    for kind in [feature.WhichOneof("kind")]
                }
            )
        return rows

    return read
