"""A training that saves often, and may be tried again."""

import pathlib

from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2

from tfx_estimators.components import CsvExampleGen, EstimatorTrainer
from tfx_estimators.components.resources import Resources, Retries, with_resources

STEPS = 40
MODEL = pathlib.Path(__file__).with_name("waiting_model.py")


def create_pipeline(root, data):
    examples = CsvExampleGen(input_base=str(data / "points"))
    schema = ImportSchemaGen(schema_file=str(data / "schema.pbtxt"))
    trainer = EstimatorTrainer(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        module_file=str(MODEL),
        train_args=trainer_pb2.TrainArgs(num_steps=STEPS),
        eval_args=trainer_pb2.EvalArgs(num_steps=2),
        checkpoint_store=str(root / "checkpoints"),
    )
    with_resources(trainer, Resources(retries=Retries(1, seconds=0.5)))
    return Pipeline(
        pipeline_name="interrupted",
        pipeline_root=str(root / "artifacts"),
        components=[examples, schema, trainer],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(root / "metadata" / "metadata.sqlite")
        ),
    )
