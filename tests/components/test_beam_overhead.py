"""What Beam is spared changes none of its answers."""

from __future__ import annotations

import base64
import bz2
import functools
import gc
import inspect
import logging
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.internal import pickler
from apache_beam.options import pipeline_options
from apache_beam.runners.worker import statecache, statesampler
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms import core, timeutil, userstate
from apache_beam.utils.counters import CounterFactory

from tfx_estimators.components import beam_flags
from tfx_estimators.components.beam_overhead import lower_beam_overhead

pytestmark = pytest.mark.stacks


@pytest.fixture(autouse=True)
def _lowered() -> None:
    lower_beam_overhead()


def test_our_executors_lower_it(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[bool] = []
    monkeypatch.setattr(beam_flags, "lower_beam_overhead", lambda: called.append(True))
    beam_flags.set_flags(None, plugin=True)
    assert called == [True]


# Arguments of functions.


def _signed_otherwise(self: Any, a: Any) -> Any:
    return self, a


_signed_otherwise.__signature__ = inspect.signature(
    lambda self, a, b=beam.DoFn.TimestampParam: None
)


def _with_one_more(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return call


class _Methods(beam.DoFn):
    def plain(self, a, b):
        local = a
        return local, b

    def defaults(self, a, b=beam.DoFn.WindowParam, c=3): ...

    def positional_only(self, a, /, b=1): ...

    def more(self, a, *args, b=1, **kwargs): ...

    def only_args(*args, key=2): ...

    def no_self(): ...

    def self_too(self=None, a=1): ...

    @_with_one_more
    def wrapped(self, a, b=beam.DoFn.KeyParam): ...

    @classmethod
    def of_class(cls, a, b=2): ...

    @staticmethod
    def static(a, b=2): ...

    signed = _signed_otherwise
    partial = functools.partialmethod(defaults, 5)


@pytest.mark.parametrize(
    "name", [name for name in vars(_Methods) if not name.startswith("_")] + ["process", "setup"]
)
def test_a_methods_arguments_are_what_beam_finds(name: str) -> None:
    for method in (getattr(_Methods(), name), getattr(_Methods, name)):
        found = core.get_function_args_defaults(method)
        assert found == core.get_function_args_defaults.__wrapped__(method)
        assert [type(part) for part in found] == [list, list]


def test_a_method_of_any_callable_has_the_arguments_that_beam_finds() -> None:
    for method in (
        types.MethodType(lambda self, a=1: None, object()),
        types.MethodType(functools.partial(_signed_otherwise, a=1), object()),
        lambda a, b=1: None,
        lambda a, /, b=1, *c, d=2: None,
        lambda a=1: None,
        lambda: None,
        _with_one_more(lambda a, b=1: None),
        _signed_otherwise,
        "text".replace,
        _Methods,
    ):
        found = core.get_function_args_defaults(method)
        assert found == core.get_function_args_defaults.__wrapped__(method)


def test_defaults_that_change_are_noticed() -> None:
    class Changing(beam.DoFn):
        def process(self, element: Any, other: int = 1) -> Iterator[Any]:
            yield element

    method = Changing().process
    names, defaults = core.get_function_args_defaults(method)
    names.clear(), defaults.clear()
    assert core.get_function_args_defaults(method) == (["element", "other"], [1])
    Changing.process.__defaults__ = (2,)
    assert core.get_function_args_defaults(method) == (["element", "other"], [2])


def test_classes_that_are_gone_are_let_go() -> None:
    def use() -> Any:
        count = beam.DoFn.StateParam(userstate.CombiningValueStateSpec("count", sum))

        class Local(beam.DoFn):
            def process(self, element: Any, held: Any = count) -> Iterator[Any]:
                yield element

        assert userstate.is_stateful_dofn(Local())
        return weakref.ref(Local)

    used = use()
    gc.collect()
    assert used() is None


# State and timers.


def _counting(name: str) -> type[Any]:
    """Classes of one name, that differ in the defaults of their methods."""
    count = beam.DoFn.StateParam(userstate.CombiningValueStateSpec(name, sum))

    class Counting(beam.DoFn):
        def process(self, element: Any, held: Any = count) -> Iterator[Any]:
            held.add(1)
            yield name, element[0], held.read()

    return Counting


def test_each_class_has_its_own_state() -> None:
    for name in ("first", "second"):
        states, timers = userstate.get_dofn_specs(_counting(name)())
        assert [state.name for state in states] == [name]
        assert timers == set()
    assert not userstate.is_stateful_dofn(_Stateless())
    assert not userstate.is_stateful_dofn(beam.Map(lambda value: value).fn)


class _Stateless(beam.DoFn):
    def process(self, element: Any, window: Any = beam.DoFn.WindowParam) -> Iterator[Any]:
        yield element


_HELD = beam.DoFn.StateParam(userstate.BagStateSpec("held", beam.coders.VarIntCoder()))
_END = beam.DoFn.TimerParam(userstate.TimerSpec("end", timeutil.TimeDomain.WATERMARK))


class _Holding(beam.DoFn):
    """Gives what it has held when its timer fires."""

    def process(self, element: Any, held: Any = _HELD, end: Any = _END) -> Iterator[Any]:
        held.add(element[1])
        end.set(10)
        yield from ()

    @userstate.on_timer(_END.timer_spec)
    def fire(self, key: Any = beam.DoFn.KeyParam, held: Any = _HELD) -> Iterator[Any]:
        yield key, sorted(held.read())
        held.clear()


def _with_state(element: Any, held: Any = _HELD) -> Iterator[Any]:
    yield element, held


class _Wrapped(beam.DoFn):
    @_with_one_more
    def process(self, element: Any, end: Any = _END) -> Iterator[Any]:
        yield element


class _AtTheEnd(beam.DoFn):
    def process(self, element: Any) -> Iterator[Any]:
        yield element

    def finish_bundle(self, held: Any = _HELD) -> None: ...


@pytest.mark.parametrize(
    ("make", "states", "timers"),
    [
        (_Holding, {"held"}, {"ts-end"}),
        (_Wrapped, set(), {"ts-end"}),
        (_AtTheEnd, {"held"}, set()),
        (lambda: beam.FlatMap(_with_state).fn, set(), set()),
        (lambda: beam.FlatMap(lambda element, held=_HELD: [element]).fn, set(), set()),
        (lambda: beam.Map(lambda element, other=3: element).fn, set(), set()),
        (_Stateless, set(), set()),
    ],
    ids=["both", "wrapped", "at the end", "function", "lambda", "plain function", "plain"],
)
def test_specs_are_what_beam_finds(
    make: Callable[[], Any], states: set[str], timers: set[str]
) -> None:
    dofn = make()
    found = userstate.get_dofn_specs(dofn)
    assert found == userstate.get_dofn_specs.__wrapped__(dofn)
    assert {state.name for state in found[0]} == states
    assert {timer.name for timer in found[1]} == timers
    assert userstate.is_stateful_dofn(dofn) == bool(states or timers)


def test_a_parameter_that_is_given_twice_is_still_an_error() -> None:
    def twice(element: Any, one: Any = _HELD, other: Any = _HELD) -> Iterator[Any]:
        yield element

    with pytest.raises(ValueError, match="duplicate"):
        beam.FlatMap(twice)


def test_state_and_timers_reach_process() -> None:
    with beam.Pipeline(argv=[]) as pipeline:
        pairs = pipeline | beam.Create([("a", 1), ("b", 2), ("a", 3)])
        held = pairs | "Hold" >> beam.ParDo(_Holding())
        assert_that(held, equal_to([("a", [1, 3]), ("b", [2])]), label="held")
        for name in ("first", "second"):
            counted = pairs | f"Count{name}" >> beam.ParDo(_counting(name)())
            expected = [(name, "a", 1), (name, "a", 2), (name, "b", 1)]
            assert_that(counted, equal_to(expected), label=name)


# Options.


def test_what_is_set_in_one_view_is_seen_in_all() -> None:
    options = pipeline_options.PipelineOptions(["--streaming", "--experiments=a"])
    standard = options.view_as(pipeline_options.StandardOptions)
    assert standard.streaming
    assert standard.runner is None
    standard.runner = "FlinkRunner"
    debug = options.view_as(pipeline_options.DebugOptions)
    debug.add_experiment("b")
    again = debug.view_as(pipeline_options.StandardOptions)
    assert again.runner == "FlinkRunner"
    assert options.view_as(pipeline_options.StandardOptions).runner == "FlinkRunner"
    assert options.view_as(pipeline_options.DebugOptions).experiments == ["a", "b"]
    assert options.get_all_options()["experiments"] == ["a", "b"]


def test_options_of_two_pipelines_are_their_own() -> None:
    flags = ["--experiments=a"]
    one, two = pipeline_options.PipelineOptions(flags), pipeline_options.PipelineOptions(flags)
    for options in (one, two, two):
        options.view_as(pipeline_options.DebugOptions)
    one.view_as(pipeline_options.DebugOptions).add_experiment("b")
    assert two.view_as(pipeline_options.DebugOptions).experiments == ["a"]
    restored = pickler.loads(pickler.dumps(two))
    restored.view_as(pipeline_options.DebugOptions).add_experiment("c")
    assert two.view_as(pipeline_options.DebugOptions).experiments == ["a"]
    assert restored.view_as(pipeline_options.DebugOptions).experiments == ["a", "c"]


def test_options_that_are_gone_are_let_go() -> None:
    options = pipeline_options.PipelineOptions([])
    options.view_as(pipeline_options.DebugOptions)
    options.view_as(pipeline_options.PipelineOptions)
    held = weakref.ref(options)
    del options
    gc.collect()
    assert held() is None


# Pickles.


@pytest.mark.parametrize("size", [10, 100_000])
def test_pickles_are_what_any_worker_reads(size: int) -> None:
    text = "".join(map(str, range(size)))
    pickles = [pickler.dumps(lambda: text) for _ in range(2)]
    assert pickles[0] == pickles[1]
    assert [pickler.loads(pickled)() for pickled in pickles] == [text, text]
    pickled = bz2.decompress(base64.b64decode(pickles[0]))
    assert base64.b64encode(bz2.compress(pickled)) == pickles[0]


def test_what_cannot_be_pickled_is_still_an_error() -> None:
    level = logging.getLogger("dill").level
    for _ in range(2):
        with pytest.raises(TypeError):
            pickler.dumps(value for value in "abc")
    assert logging.getLogger("dill").level in {level, logging.WARNING}


def test_the_level_of_dills_logger_can_be_set() -> None:
    logger = logging.getLogger("dill")
    before = logger.level
    for level in (logging.INFO, logging.WARNING, logging.WARNING, logging.INFO):
        logger.setLevel(level)
        assert logger.level == level
        assert logger.isEnabledFor(logging.INFO) == (level == logging.INFO)
    logger.setLevel("ERROR")
    assert logger.level == logging.ERROR
    logger.setLevel(before)


# States, and what is cached.


def test_a_period_that_is_asked_for_is_kept() -> None:
    assert statesampler.StateSampler("", CounterFactory(), 300).sampling_period_ms == 300
    sampler = statesampler.StateSampler("", CounterFactory(), sampling_period_ms=400)
    assert sampler.sampling_period_ms == 400


@pytest.mark.parametrize(
    "value",
    [
        [f"value {number}".encode() for number in range(1_000)],
        {"a": [1, 2.5, None, True], "b": ("c", {"__name__": "d"})},
        [beam.window.GlobalWindow(), beam.utils.timestamp.Timestamp(3), functools.partial(print)],
        [logging, vars(logging), test_a_period_that_is_asked_for_is_kept],
        None,
        [],
    ],
    ids=["vocabulary", "nested", "objects", "modules", "none", "empty"],
)
def test_what_is_cached_weighs_what_beam_says(value: Any) -> None:
    assert statecache.get_deep_size(value) == statecache.get_deep_size.__wrapped__(value)


def test_an_object_of_many_values_weighs_what_beam_says() -> None:
    class Cached(statecache.CacheAware):
        def __init__(self) -> None:
            self.counted, self.shared = ["a" * 1_000], ["b" * 9_000]

        def get_referents_for_cache(self) -> list[Any]:
            return [self.counted]

    value = Cached()
    size = statecache.get_deep_size(value)
    assert 1_000 < size < 9_000
    assert size == statecache.get_deep_size.__wrapped__(value)


def test_a_large_vocabulary_is_the_same_side_input() -> None:
    count = 50_000
    words = [f"word {number}" for number in range(count)]

    def look_up(number: int, listed: Any, mapped: Any, iterated: Any) -> Any:
        return (
            *(number, sorted(listed) == sorted(iterated), len(listed)),
            *(mapped[f"word {number}"], f"word {count}" in mapped),
        )

    with beam.Pipeline(argv=[]) as pipeline:
        side = pipeline | "Words" >> beam.Create(words)
        numbered = pipeline | "Numbered" >> beam.Create(list(zip(words, range(count), strict=True)))
        found = (
            pipeline
            | beam.Create([1, 7, count - 1])
            | beam.Map(
                look_up,
                beam.pvalue.AsList(side),
                beam.pvalue.AsDict(numbered),
                beam.pvalue.AsIter(side),
            )
        )
        expected = [(number, True, count, number, False) for number in (1, 7, count - 1)]
        assert_that(found, equal_to(expected))
