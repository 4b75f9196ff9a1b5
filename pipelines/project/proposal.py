"""The feature columns that fit the data, each with a reason."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from tfx_estimators.pipelines.project.column_facts import ColumnFacts, DateFormat
from tfx_estimators.pipelines.project.data_file import ValueKind
from tfx_estimators.pipelines.project.source_text import Call, identifier, literal

__all__ = ["ComputedFeature", "Proposal", "Statement", "propose"]

_FEW_NUMBERS = 10
_FEW_TEXTS = 20
_LONGEST_LISTED = 40
_SKEWED = 2.0
_BUCKETS = 10
_TOP = 1000
_ID_LIKE = re.compile(r"(^|[\W_])(ids?|uuid|guid|key|code|zip|plz|nr)$", re.IGNORECASE)
_FREE_TEXT_WORDS = 4.0


@dataclasses.dataclass(frozen=True)
class Statement:
    """A column given a name.

    Attributes:
        variable: the name.
        call: what makes the column.
    """

    variable: str
    call: Call


@dataclasses.dataclass(frozen=True)
class ComputedFeature:
    """A feature that `preprocessing_fn` makes of a raw one.

    Attributes:
        name: of the feature.
        helper: name of the function in the model's module that makes it.
        call: the call of that function.
    """

    name: str
    helper: str
    call: Call


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What becomes of one column of the data.

    Attributes:
        name: the column.
        seen: what it holds, a phrase.
        becomes: what is made of it, a phrase; why it is left out, where it is.
        made: features that are made of it first.
        statements: the feature columns.
        linear: expressions for the linear part.
        deep: expressions for the deep part.
        slice_values: how many slices it gives, where it may divide an evaluation; else 0.
    """

    name: str
    seen: str
    becomes: str
    made: tuple[ComputedFeature, ...] = ()
    statements: tuple[Statement, ...] = ()
    linear: tuple[Call | str, ...] = ()
    deep: tuple[Call | str, ...] = ()
    slice_values: int = 0

    @property
    def is_used(self) -> bool:
        """Whether the model reads the column."""
        return bool(self.statements)


def propose(columns: Sequence[ColumnFacts], taken: Iterable[str]) -> tuple[Proposal, ...]:
    """A proposal for each column.

    Args:
        columns: all but the label.
        taken: names that no variable and no made feature may have.
    """
    names = _Names({*taken, *(facts.name for facts in columns)})
    return tuple(_proposal(facts, names) for facts in columns)


class _Names:
    """Names for variables and made features, each once."""

    def __init__(self, taken: set[str]) -> None:
        self._features = set(taken)
        self._variables: set[str] = set()

    def variable(self, name: str) -> str:
        found = identifier(name, self._variables | _TAKEN)
        self._variables.add(found)
        return found

    def feature(self, name: str, ending: str) -> str:
        made = f"{name}_{ending}"
        while made in self._features:
            made += "_"
        self._features.add(made)
        return made


# What a model's module has by itself.
_TAKEN = {"fc", "tf", "tf_estimator", "learned", "columns", "config", "params", "inputs"}


def _proposal(facts: ColumnFacts, names: _Names) -> Proposal:
    seen = _seen(facts)
    if facts.kind is ValueKind.NOTHING:
        return Proposal(facts.name, seen, "left out: it holds nothing to learn from")
    if facts.distinct == 1 and not facts.missing:
        return Proposal(facts.name, seen, "left out: it is the same in every row")
    if facts.width != 1:
        return _lists(facts, names, seen)
    if facts.kind is ValueKind.TEXT:
        return _text(facts, names, seen)
    if facts.kind is ValueKind.INTEGER:
        return _integers(facts, names, seen)
    return _numbers(facts, names, seen)


def _seen(facts: ColumnFacts) -> str:
    """What a column holds, in a phrase."""
    if facts.kind is ValueKind.NOTHING:
        return "nothing that a column could read"
    count = f"{facts.distinct:,} different"
    if facts.distinct == 1:
        said = f"always {facts.frequent[0][0]!r}"
    elif facts.date is not None:
        said = f"dates, {facts.date.shown}"
    elif facts.decimal:
        others = f"numbers written as text, with {_OTHER[facts.decimal]}"
        said = f"{others}, from {_short(facts.low)} to {_short(facts.high)}"
    elif facts.kind is ValueKind.TEXT:
        said = f"{count} texts"
    else:
        said = f"{count} {facts.kind.value}"
        said += f" from {_short(facts.low)} to {_short(facts.high)}"
    if facts.width != 1:
        said = f"lists: {said}"
    if facts.not_numbers:
        said += f", {facts.not_numbers} of them NaN or infinite"
    if facts.missing:
        said += f", {_share(facts.missing / facts.rows)} missing"
    return said


_OTHER = {".": "other texts among them", ",": "a decimal comma"}


def _short(number: float) -> str:
    return f"{number:.6g}"


def _share(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _lists(facts: ColumnFacts, names: _Names, seen: str) -> Proposal:
    if facts.kind is ValueKind.NUMBER:
        if facts.width is None or facts.missing or facts.not_numbers:
            return Proposal(
                facts.name, seen, "left out: the lists of numbers differ in length, or have gaps"
            )
        variable = names.variable(facts.name)
        shape = f"shape=({facts.width},)"
        call = Call("learned.scaled_numeric_column(", [literal(facts.name), shape])
        return Proposal(
            facts.name, seen, "scaled numbers", statements=(Statement(variable, call),),
            linear=(variable,), deep=(variable,),
        )  # fmt: skip
    return _learned(facts, names, seen, "several values a row, learned from the data")


def _text(facts: ColumnFacts, names: _Names, seen: str) -> Proposal:
    if facts.date is not None and facts.distinct > 2:
        return _date(facts, facts.date, names, seen)
    if facts.decimal:
        made = names.feature(facts.name, "number")
        arguments = [f"inputs[{literal(facts.name)}]", f"default={_number(facts.middle)}"]
        if facts.decimal != ".":
            arguments.append(f"decimal={literal(facts.decimal)}")
        feature = ComputedFeature(made, "number_in", Call("number_in(", arguments))
        return _numbers(facts, names, seen, feature)
    listed = facts.distinct <= _FEW_TEXTS and facts.distinct * 2 <= facts.values
    if listed and all(len(text) <= _LONGEST_LISTED for text, _ in facts.frequent):
        return _listed(facts, names, seen, "a category; texts that are not listed count as none")
    if facts.words >= _FREE_TEXT_WORDS:
        made = names.feature(facts.name, "words")
        call = Call("words_in(", [f"inputs[{literal(facts.name)}]"])
        feature = ComputedFeature(made, "words_in", call)
        return _learned(facts, names, seen, f"free text: its {_TOP:,} most frequent words", feature)
    if facts.distinct * 2 > facts.values:
        return Proposal(facts.name, seen, "left out: hardly a value occurs twice, as in an id")
    return _learned(facts, names, seen, "many categories, learned from the data")


def _integers(facts: ColumnFacts, names: _Names, seen: str) -> Proposal:
    if facts.distinct <= _FEW_NUMBERS and facts.distinct * 2 <= facts.values:
        return _listed(facts, names, seen, "so few numbers are taken for categories")
    contiguous = facts.high - facts.low + 1 <= 1.05 * facts.distinct
    id_like = bool(_ID_LIKE.search(facts.name))
    if facts.distinct == facts.values and (contiguous or id_like):
        return Proposal(facts.name, seen, "left out: no value occurs twice, as in an id")
    if id_like:
        if facts.distinct * 2 > facts.values:
            return Proposal(facts.name, seen, "left out: hardly a value occurs twice, as in an id")
        return _learned(facts, names, seen, "by its name a code: categories, learned from the data")
    return _numbers(facts, names, seen)


def _listed(facts: ColumnFacts, names: _Names, seen: str, becomes: str) -> Proposal:
    variable = names.variable(facts.name)
    values = sorted(value for value, _ in facts.frequent)
    listed = Call("[", [literal(value) for value in values], "]")
    return Proposal(
        facts.name,
        seen,
        becomes,
        statements=(
            Statement(
                variable,
                Call("fc.categorical_column_with_vocabulary_list(", [literal(facts.name), listed]),
            ),
        ),
        linear=(variable,),
        deep=(Call("fc.indicator_column(", [variable]),),
        slice_values=len(values),
    )


def _learned(
    facts: ColumnFacts, names: _Names, seen: str, becomes: str, made: ComputedFeature | None = None
) -> Proposal:
    variable = names.variable(facts.name)
    arguments = [literal(made.name if made else facts.name), f"top_k={_TOP}", "num_oov_buckets=10"]
    if facts.kind is ValueKind.INTEGER:
        arguments.append("dtype=tf.int64")
    call = Call("learned.categorical_column_with_learned_vocabulary(", arguments)
    return Proposal(
        facts.name,
        seen,
        becomes,
        made=() if made is None else (made,),
        statements=(Statement(variable, call),),
        linear=(variable,),
        deep=(Call("fc.embedding_column(", [variable, "dimension=8"]),),
    )


def _numbers(
    facts: ColumnFacts, names: _Names, seen: str, made: ComputedFeature | None = None
) -> Proposal:
    if made is None and facts.not_numbers:
        feature = names.feature(facts.name, "number")
        arguments = [f"inputs[{literal(facts.name)}]", f"default={_number(facts.middle)}"]
        made = ComputedFeature(feature, "finite", Call("finite(", arguments))
    key = literal(made.name if made else facts.name)
    default = [] if made else [f"default_value={_number(facts.middle)}"]
    gap = "; the median stands for a missing one"
    buckets = Statement(
        names.variable(f"{facts.name} buckets"),
        Call("learned.quantile_bucketized_column(", [key, f"num_buckets={_BUCKETS}", *default]),
    )
    makes = () if made is None else (made,)
    if abs(facts.skew) > _SKEWED:
        return Proposal(
            facts.name, seen, f"skewed, so in buckets of equally many rows{gap}", makes, (buckets,),
            linear=(buckets.variable,), deep=(buckets.variable,),
        )  # fmt: skip
    scaled = Statement(
        names.variable(facts.name), Call("learned.scaled_numeric_column(", [key, *default])
    )
    return Proposal(
        facts.name, seen, f"in buckets for the linear part, scaled for the deep part{gap}", makes,
        (scaled, buckets), linear=(buckets.variable,), deep=(scaled.variable,),
    )  # fmt: skip


def _date(facts: ColumnFacts, form: DateFormat, names: _Names, seen: str) -> Proposal:
    raw = f"inputs[{literal(facts.name)}]"
    pattern = f"r{literal(form.pattern).replace(chr(92) * 2, chr(92))}"
    groups = f"groups={form.groups}"
    years, month = names.feature(facts.name, "years"), names.feature(facts.name, "month")
    arguments = [raw, pattern, groups]
    default = f"default={_number(facts.middle)}"
    made = (
        ComputedFeature(years, "years_in", Call("years_in(", [*arguments, default])),
        ComputedFeature(month, "month_in", Call("month_in(", arguments)),
    )
    trend = Statement(
        names.variable(f"{facts.name} years"),
        Call("learned.scaled_numeric_column(", [literal(years)]),
    )
    season = Statement(
        names.variable(f"{facts.name} month"),
        Call("fc.categorical_column_with_identity(", [literal(month), "num_buckets=13"]),
    )
    return Proposal(
        facts.name,
        seen,
        "the month, and the time in years; month 0 stands for a missing date",
        made,
        (trend, season),
        linear=(season.variable,),
        deep=(trend.variable, Call("fc.indicator_column(", [season.variable])),
    )


def _number(value: float) -> str:
    return repr(float(f"{value:.6g}"))
