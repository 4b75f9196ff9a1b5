"""A pipeline of functions: one makes a number, the other is told it as a parameter."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

GIVEN = {
    "fair": False,
    "names": ["one", "zwölf"],
    "costs": {"one": 1, "two": 2},
    # Kubernetes replaces the second and the third on a command line.
    "price": "5 $, $$6, $(KFP_POD_NAME) or 'ten'\n",
}


@component
def Count(
    count: OutputArtifact[standard_artifacts.Integer],
    model: OutputArtifact[standard_artifacts.Model],
    begin: Parameter[int],
    fair: Parameter[bool],
    names: Parameter[list[str]],
    costs: Parameter[dict[str, int]],
    price: Parameter[str],
):
    given = {"fair": fair, "names": names, "costs": costs, "price": price}
    assert repr(given) == repr(GIVEN), given
    model.set_bool_custom_property("fair", True)
    count.value = begin + 1


@component
def Tell(
    told: OutputArtifact[standard_artifacts.String],
    model: InputArtifact[standard_artifacts.Model],
    number: Parameter[int],
):
    assert model.get_bool_custom_property("fair") is True
    assert not model.has_custom_property("display_name")
    told.value = f"{number!r} was counted"


def create_pipeline(root):
    begin = RuntimeParameter(name="begin", ptype=int, default=3)
    count = Count(begin=begin, **GIVEN).with_id("Count.up")
    tell = Tell(number=count.outputs["count"].future()[0].value, model=count.outputs["model"])
    return Pipeline(pipeline_name="counting", pipeline_root=str(root), components=[count, tell])
