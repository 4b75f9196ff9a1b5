"""Executors of steps in tests."""

import importlib
import os
import pathlib
import sys
import time

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor


class Copy(BaseExecutor):
    """Copies its input, and tells what it was given in custom properties."""

    def Do(self, input_dict, output_dict, exec_properties):
        (source,), (made,) = input_dict["source"], output_dict["made"]
        text = pathlib.Path(source.uri, "text").read_text()
        pathlib.Path(made.uri, "text").write_text(text)
        made.set_string_custom_property("source_type", source.type_name)
        made.set_string_custom_property("source_uri", source.uri)
        made.set_int_custom_property("blessed", source.get_int_custom_property("blessed"))
        made.set_float_custom_property("loss", source.get_float_custom_property("loss"))
        made.set_json_value_custom_property("slices", ["a", "b"])
        made.set_json_value_custom_property("nothing", None)
        made.set_int_custom_property("baselines", len(input_dict.get("baseline", ())))
        made.set_string_custom_property("steps", repr(exec_properties["steps"]))
        made.set_int_custom_property("current_model_id", source.id)
        context = self._context
        made.set_string_custom_property(
            "place",
            f"{context.pipeline_info.id}/{context.pipeline_run_id}/"
            f"{context.pipeline_node.node_info.id}",
        )


class Fail(BaseExecutor):
    """Fails half-way."""

    def Do(self, input_dict, output_dict, exec_properties):
        pathlib.Path(output_dict["made"][0].uri, "half").touch()
        raise RuntimeError("the sky is falling")


class Wait(BaseExecutor):
    """Waits to be ended, and tidies up then."""

    def Do(self, input_dict, output_dict, exec_properties):
        place = pathlib.Path(exec_properties["place"])
        try:
            (place / "began").write_text(str(os.getpid()))
            time.sleep(600)
        finally:
            (place / "tidied").touch()


class Value(BaseExecutor):
    """Makes a number of a number."""

    def Do(self, input_dict, output_dict, exec_properties):
        output_dict["made"][0].value = input_dict["number"][0].value * 2


class BeamValue(BaseBeamExecutor):
    """A number, of a Beam step."""

    def Do(self, input_dict, output_dict, exec_properties):
        output_dict["made"][0].value = 42


class Two(BaseExecutor):
    """Makes two artifacts where the backend takes one."""

    def Do(self, input_dict, output_dict, exec_properties):
        output_dict["made"].append(output_dict["made"][0])


class ImportModule(BaseExecutor):
    """Imports the user's module as stock executors do: nothing is done for estimators."""

    def Do(self, input_dict, output_dict, exec_properties):
        module = importlib.import_module(exec_properties["module_path"])
        assert module.tf_estimator.LinearClassifier is module.tf.estimator.LinearClassifier
        (made,) = output_dict["made"]
        pathlib.Path(made.uri, "text").write_text(module.keras_of_the_layer(0))


class ListModules(BaseExecutor):
    """Writes down which modules the process has imported."""

    def Do(self, input_dict, output_dict, exec_properties):
        (made,) = output_dict["made"]
        pathlib.Path(made.uri, "text").write_text("\n".join(sys.modules))


class Leave(BaseExecutor):
    """Ends the process, as if all were well."""

    def Do(self, input_dict, output_dict, exec_properties):
        getattr(importlib.import_module(exec_properties["module"]), exec_properties["name"])(0)
