"""Tells ML Metadata of the rollbacks since the last run, whoever runs the pipeline."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from tfx.proto import pusher_pb2
from tfx.proto.orchestration import driver_output_pb2

from tfx_estimators.components.metadata_driver import MetadataDriver, tell_records

__all__ = ["PusherDriver"]


class PusherDriver(MetadataDriver):
    """Driver of `EstimatorPusher`. TFX also calls it where the cache answers the push."""

    def run(self, execution_info: Any) -> driver_output_pb2.DriverOutput:
        """Called by TFX's launcher before it looks into the cache."""
        from tfx_estimators.components.pusher.place import place_of
        from tfx_estimators.components.pusher.publication import RECORDS

        destination = json_format.Parse(
            execution_info.exec_properties["push_destination"], pusher_pb2.PushDestination()
        )
        base = place_of(destination.filesystem.base_directory).base
        tell_records(self.connection_config, f"{base}/{RECORDS}")
        return driver_output_pb2.DriverOutput()
