"""Artifacts through the backend and back."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tfx.types import standard_artifacts

from tfx_estimators.errors import StepInputError
from tfx_estimators.kubeflow.entrypoint.artifact_types import artifact_class
from tfx_estimators.kubeflow.entrypoint.runtime_artifacts import (
    input_artifacts,
    output_artifacts,
    plain_properties,
    runtime_artifact,
)

pytestmark = pytest.mark.stacks

_NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1)


def _spec(key: str, title: str) -> dict:
    schema = {"instanceSchema": f"title: {title}\ntype: object\n"}
    return {"artifacts": {key: {"artifactType": schema}}}


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_NAMES, st.text() | _NUMBERS | st.booleans()))
def test_custom_properties_survive_the_way_through_the_backend(properties: dict) -> None:
    given_output = {"uri": "/x", "name": "m", "metadata": {}}
    (made,) = output_artifacts({"m": [given_output]})["m"]
    for name, value in properties.items():
        if isinstance(value, bool):
            made.set_bool_custom_property(name, value)
        elif isinstance(value, int):
            made.set_int_custom_property(name, value)
        elif isinstance(value, float):
            made.set_float_custom_property(name, value)
        else:
            made.set_string_custom_property(name, value)
    told = json.loads(json.dumps(runtime_artifact(made, given_output), allow_nan=False))
    # The backend knows doubles only.
    told["metadata"] = {
        name: float(value) if isinstance(value, int) else value
        for name, value in told["metadata"].items()
    }
    (read,) = input_artifacts({"m": [told]}, {})["m"]
    for name, value in properties.items():
        if isinstance(value, bool):
            assert read.get_bool_custom_property(name) is value
            assert told["metadata"][name] == int(value)
        elif isinstance(value, int):
            assert read.get_int_custom_property(name) == int(value)
        elif isinstance(value, float):
            assert math.isclose(read.get_float_custom_property(name), value, rel_tol=0, abs_tol=0)
        else:
            assert read.get_string_custom_property(name) == value


def test_what_the_backend_notes_of_an_artifact_is_not_the_artifacts() -> None:
    output = {"uri": "/x", "name": "m", "metadata": {}}
    (made,) = output_artifacts({"m": [output]})["m"]
    made.set_string_custom_property("display_name", "mine")
    told = runtime_artifact(made, output)
    told["metadata"] |= {"display_name": "m", "store_session_info": '{"Provider":"minio"}'}
    (read,) = input_artifacts({"m": [told]}, {})["m"]
    assert plain_properties(read) == {"display_name": "mine"}


def test_declared_properties_keep_their_types() -> None:
    metadata = {"span": 3.0, "split_names": '["train"]', "version": "odd", "mine": 2.0}
    given_input = {"uri": "/x", "type": {"schemaTitle": "system.Artifact"}, "metadata": metadata}
    read = input_artifacts({"examples": [given_input]}, _spec("examples", "tfx.Examples"))
    (examples,) = read["examples"]
    assert isinstance(examples, standard_artifacts.Examples)
    assert (examples.span, examples.splits) == (3, ["train"])
    assert examples.get_string_custom_property("version") == "odd"
    assert examples.get_int_custom_property("mine") == 2


@pytest.mark.parametrize(
    ("schemas", "name"),
    [
        ([{"instanceSchema": "title: tfx.Model"}, {"schemaTitle": "system.Artifact"}], "Model"),
        ([None, {"schemaTitle": "tfx.Schema"}], "Schema"),
        ([{"schemaTitle": "tfx.types.standard_artifacts.Model"}], "Model"),
        ([{"schemaTitle": "system.Artifact"}, {"instanceSchema": "title: tfx.Model"}], "Model"),
        ([None, {"schemaTitle": "system.Dataset"}], "system.Dataset"),
        ([{"instanceSchema": "- no\n- object"}], "system.Artifact"),
        ([None, {}], "system.Artifact"),
        ([{"schemaTitle": "tfx.Unheard"}], "tfx.Unheard"),
    ],
)
def test_types_are_found_or_made_up(schemas: list, name: str) -> None:
    assert artifact_class(*schemas)().type_name == name


def test_a_type_of_ones_own_has_to_be_there() -> None:
    with pytest.raises(StepInputError, match=r"my_company\.types\.Thing cannot be imported"):
        artifact_class({"schemaTitle": "my_company.types.Thing"})
