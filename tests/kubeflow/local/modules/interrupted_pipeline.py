"""The taxi pipeline up to its training, which saves often and may be tried again."""

import json

from tfx_estimators.components.resources import Resources, Retries, with_resources
from tfx_estimators.pipelines.taxi.pipeline import create_pipeline as taxi

STEPS = 1500


def create_pipeline(root, data):
    pipeline = taxi(root, data, train_steps=STEPS, eval_steps=2)
    ids = {"CsvExampleGen", "StatisticsGen", "SchemaGen", "FeatureColumnTransform"}
    wanted = [n for n in pipeline.components if n.id in {*ids, "EstimatorTrainer"}]
    for node in wanted:
        node._downstream_nodes = {n for n in node.downstream_nodes if n in wanted}
    trainer = wanted[-1]
    config = json.loads(trainer.exec_properties["custom_config"])
    config |= {"batch_size": 16, "run_config": {"save_checkpoints_steps": 100}}
    trainer.exec_properties["custom_config"] = json.dumps(config)
    with_resources(trainer, Resources(retries=Retries(1, seconds=0.5)))
    pipeline._components = wanted
    return pipeline
