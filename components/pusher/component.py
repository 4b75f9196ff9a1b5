"""`EstimatorPusher`: a tried and blessed model into a folder that TF Serving watches."""

from __future__ import annotations

from tfx.dsl.components.base import base_component
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel

from tfx_estimators.components.executor_specs import LazyExecutorSpec
from tfx_estimators.components.pusher.driver import PusherDriver
from tfx_estimators.components.pusher.server import ModelServer
from tfx_estimators.components.pusher.spec import EstimatorPusherSpec
from tfx_estimators.errors import PushError, UnsupportedOptionError

__all__ = ["EstimatorPusher"]


class EstimatorPusher(base_component.BaseComponent):
    """Publishes a SavedModel as `<push_destination>/<version>/`.

    The version is the time in seconds, or one more than the newest version there if
    that is later. It appears whole or not at all and never replaces another. Before
    it appears, a fresh process that has TensorFlow only loads the copy and predicts
    on a few examples; if that fails, nothing is published. A model that the newest
    version holds already, byte for byte, is not published again. `tfx-estimators
    rollback` goes back to an older version.

    The output `pushed_model` is that of TFX's Pusher: a copy of the model with the
    properties `pushed`, `pushed_destination` and `pushed_version`, and beside them
    `model_digest` and `model_uri`; or, for a model whose blessing does not call it
    blessed, `pushed` = 0 and nothing else.

    Args:
        model: Model with a serving SavedModel.
        model_blessing: ModelBlessing that the model needs, or None to push any.
        examples: Examples to try the model on, or None to try loading it only.
        push_destination: the folder that holds the versions, on a file system or in a
            bucket, or TFX's PushDestination with such a folder.
        keep_versions: how many versions to keep there, the newest ones; all where not
            given. A server still needs the one before while it loads the newest.
        model_server: a TensorFlow Serving ModelServer to reload; the step ends once
            it serves the version.

    Raises:
        PushError: if there is no destination.
        UnsupportedOptionError: if keep_versions is not a positive number.
    """

    SPEC_CLASS = EstimatorPusherSpec
    EXECUTOR_SPEC = LazyExecutorSpec("tfx_estimators.components.pusher.executor.PusherExecutor")
    DRIVER_CLASS = PusherDriver

    def __init__(
        self,
        *,
        model: BaseChannel,
        model_blessing: BaseChannel | None = None,
        examples: BaseChannel | None = None,
        push_destination: str | pusher_pb2.PushDestination,
        keep_versions: int | None = None,
        model_server: ModelServer | None = None,
    ) -> None:
        super().__init__(
            spec=EstimatorPusherSpec(
                model=model,
                model_blessing=model_blessing,
                examples=examples,
                push_destination=_checked(push_destination),
                keep_versions=_checked_count(keep_versions),
                model_server=None if model_server is None else model_server.to_json(),
                pushed_model=Channel(type=standard_artifacts.PushedModel),
            )
        )


def _checked(destination: str | pusher_pb2.PushDestination) -> pusher_pb2.PushDestination:
    filesystem = pusher_pb2.PushDestination.Filesystem
    if isinstance(destination, str):
        destination = pusher_pb2.PushDestination(filesystem=filesystem(base_directory=destination))
    folder = destination.filesystem.base_directory
    if not folder:
        raise PushError(
            "EstimatorPusher: push_destination does not name a folder",
            expected="the folder that holds the versions",
            fix="pass push_destination='serving'",
        )
    return destination


def _checked_count(keep: int | None) -> int | None:
    if keep is not None and (type(keep) is not int or keep < 1):
        raise UnsupportedOptionError(
            f"EstimatorPusher: keep_versions is {keep!r}",
            expected="how many versions to keep, at least 1",
            fix="keep_versions=3, or leave it out to keep all",
        )
    return keep
