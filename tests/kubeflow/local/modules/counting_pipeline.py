"""A pipeline of functions: one makes a number, the other is told it as a parameter."""

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts


@component
def Count(count: OutputArtifact[standard_artifacts.Integer], begin: Parameter[int]):
    count.value = begin + 1


@component
def Tell(told: OutputArtifact[standard_artifacts.String], number: Parameter[int]):
    told.value = f"{number!r} was counted"


def create_pipeline(root):
    begin = RuntimeParameter(name="begin", ptype=int, default=3)
    count = Count(begin=begin).with_id("Count.up")
    tell = Tell(number=count.outputs["count"].future()[0].value)
    return Pipeline(pipeline_name="counting", pipeline_root=str(root), components=[count, tell])
