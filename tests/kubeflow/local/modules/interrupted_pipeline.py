"""The Titanic pipeline up to its training, which saves often and may be tried again."""

import json

from tfx_estimators.pipelines.titanic.pipeline import create_pipeline as titanic

from tfx_estimators.components.resources import Resources, Retries, with_resources

STEPS = 1500


def create_pipeline(root, data):
    pipeline = titanic(root, data)
    for node in pipeline.components:
        if node.id == "EstimatorTrainer":
            config = json.loads(node.exec_properties["custom_config"])
            config["run_config"] = {"save_checkpoints_steps": 100}
            node.exec_properties["custom_config"] = json.dumps(config)
            node.exec_properties["train_args"] = json.dumps({"num_steps": STEPS})
            with_resources(node, Resources(retries=Retries(1, seconds=0.5)))
    ids = {"CsvExampleGen", "StatisticsGen", "SchemaGen", "FeatureColumnTransform"}
    wanted = [n for n in pipeline.components if n.id in {*ids, "EstimatorTrainer"}]
    for node in wanted:
        node._downstream_nodes = {n for n in node.downstream_nodes if n in wanted}
    pipeline._components = wanted
    return pipeline
