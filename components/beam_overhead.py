"""What Beam works out again for every transform and every stage, spared.

The pipelines of TFDV and TFMA have hundreds of transforms, and on a few megabytes that takes
most of their time, on any runner. What Beam answers stays the same.

Private names of Beam, seen on 2.64 and 2.77: `transforms.core.get_function_args_defaults` and
`_DoFnParam`, `transforms.userstate.get_dofn_specs`,
`options.pipeline_options.PipelineOptions.view_as` and what it shares, `_flags` and
`_all_options`, the `bz2` of the libraries in `internal.pickler`,
`runners.worker.statesampler.StateSampler`, and of `runners.worker.statecache`
`get_deep_size`, `_size_func`, `_get_referents_func` and `_filter_func`.
"""

from __future__ import annotations

import bz2
import functools
import logging
import types
import weakref
from typing import Any

__all__ = ["lower_beam_overhead"]

_SAMPLING_MS = 5
_REMEMBERED_PICKLES = 1_000
_SMALL_PICKLE = 8_000
# With one of these a function answers for another one; see `inspect.signature`.
_SIGNED_OTHERWISE = {"__wrapped__", "__signature__", "_partialmethod", "__partialmethod__"}


@functools.cache
def lower_beam_overhead() -> None:
    """Has Beam do less in this process from now on, for every pipeline."""
    _read_arguments_off_functions()
    _read_specs_off_methods()
    _keep_views_of_options()
    _remember_small_pickles()
    _leave_equal_log_levels()
    _sample_states_often()
    _size_without_modules()


def _read_arguments_off_functions() -> None:
    """Answers for functions and methods without `inspect`."""
    from apache_beam.transforms import core

    inspected = core.get_function_args_defaults

    @functools.wraps(inspected)
    def get_function_args_defaults(f: Any) -> tuple[list[str], list[Any]]:
        bound = type(f) is types.MethodType
        function = f.__func__ if bound else f
        if type(function) is not types.FunctionType:
            return inspected(f)
        count = function.__code__.co_argcount
        defaults = function.__defaults__ or ()
        if not _SIGNED_OTHERWISE.isdisjoint(vars(function)):
            return inspected(f)
        if bound and (not count or len(defaults) == count):
            return inspected(f)
        return list(function.__code__.co_varnames[bound:count]), list(defaults)

    core.get_function_args_defaults = get_function_args_defaults


def _read_specs_off_methods() -> None:
    """Knows at a glance of a DoFn without state and timers that it has none.

    Wherever a DoFn passes, Beam asks for the arguments of all its methods: 88,000 times in a run
    of the taxi pipeline.
    """
    from apache_beam.transforms import core, userstate

    looked_up = userstate.get_dofn_specs

    def may_have(dofn: Any, name: str) -> bool:
        method = getattr(dofn, name, None)
        if not isinstance(method, types.MethodType):
            return False
        function = method.__func__
        if type(function) is types.FunctionType and not (
            function.__defaults__ or function.__dict__ or hasattr(dofn, f"_inspect_{name}")
        ):
            return False
        _, defaults = core.get_function_arguments(dofn, name)
        return any(isinstance(default, core._DoFnParam) for default in defaults)

    @functools.wraps(looked_up)
    def get_dofn_specs(dofn: Any) -> tuple[set[Any], set[Any]]:
        if not isinstance(dofn, core.DoFn) or any(may_have(dofn, name) for name in dir(dofn)):
            found: tuple[set[Any], set[Any]] = looked_up(dofn)
            return found
        return set(), set()

    userstate.get_dofn_specs = get_dofn_specs


def _keep_views_of_options() -> None:
    """Gives the view that was made before, where nothing could have changed it.

    For each view, twice a transform, Beam builds a parser of all its options. Views hold no
    values of their own.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    made_anew = PipelineOptions.view_as
    views: weakref.WeakKeyDictionary[Any, dict[type, tuple[list[str], Any]]]
    views = weakref.WeakKeyDictionary()

    @functools.wraps(made_anew)
    def view_as(self: Any, cls: Any) -> Any:
        flags = self._flags
        try:
            of_class = views.setdefault(self, {})
        except TypeError:  # A user's class that compares its objects.
            return made_anew(self, cls)
        kept = of_class.get(cls)
        if kept is not None:
            parsed, view = kept
            if parsed == flags and view._all_options is self._all_options:
                return view
        view = made_anew(self, cls)
        if type(flags) is list:
            of_class[cls] = list(flags), view
        return view

    PipelineOptions.view_as = view_as


def _remember_small_pickles() -> None:
    """Compresses the pickle of a function once, and knows what it was.

    Beam pickles a function again for each stage that has it, and unpickles it there.
    """
    from apache_beam.internal import pickler

    known: dict[bytes, bytes] = {}

    @functools.lru_cache(_REMEMBERED_PICKLES)
    def compress_small(data: bytes, level: int) -> bytes:
        compressed = bz2.compress(data, level)
        if len(known) >= _REMEMBERED_PICKLES:
            known.clear()
        known[compressed] = data
        return compressed

    def compress(data: bytes, compresslevel: int = 9) -> bytes:
        small = len(data) <= _SMALL_PICKLE
        return (compress_small if small else bz2.compress)(data, compresslevel)

    def decompress(data: bytes) -> bytes:
        return known.get(data) or bz2.decompress(data)

    remembering = types.SimpleNamespace(compress=compress, decompress=decompress)
    for library in (pickler.cloudpickle_pickler, pickler.dill_pickler):
        if library is not None:  # Newer Beam comes without dill.
            library.bz2 = remembering


def _leave_equal_log_levels() -> None:
    """Does not set the level of dill's logger to what it is.

    Beam does after each pickle, and that empties the caches of every logger of the process.
    """
    logger = logging.getLogger("dill")
    set_level = logger.setLevel

    def set_other_level(level: Any) -> None:
        if level != logger.level:
            set_level(level)

    logger.setLevel = set_other_level  # type: ignore[method-assign]


def _sample_states_often() -> None:
    """Has the thread that samples what a bundle does wake up at once when the bundle ends.

    The end of a bundle waits for the thread, which sleeps up to a fifth of a second.
    """
    from apache_beam.runners.worker import statesampler

    make = statesampler.StateSampler.__init__

    @functools.wraps(make)
    def __init__(
        self: Any, prefix: str, counter_factory: Any, sampling_period_ms: int = _SAMPLING_MS
    ) -> None:
        make(self, prefix, counter_factory, sampling_period_ms)

    statesampler.StateSampler.__init__ = __init__


def _size_without_modules() -> None:
    """Sizes what is cached without looking at every module of the process first.

    Beam does for each side input of a bundle, not to count what modules hold; here what looks
    like the dictionary of a module is left out.
    """
    import objsize
    from apache_beam.runners.worker import statecache

    is_counted = statecache._filter_func

    def is_counted_here(value: Any) -> bool:
        kind = type(value)
        if kind is dict:
            return not ("__name__" in value and "__loader__" in value)
        return kind is bytes or kind is str or kind is int or is_counted(value)

    @functools.wraps(statecache.get_deep_size)
    def get_deep_size(*values: Any) -> int:
        return objsize.get_deep_size(
            *values,
            get_size_func=statecache._size_func,
            get_referents_func=statecache._get_referents_func,
            filter_func=is_counted_here,
            exclude_modules_globals=False,
        )

    statecache.get_deep_size = get_deep_size
