"""What is compared with what, as data: the left side is what is spoken of, the right side what it stands beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations, product

from harness.comparison_results import Role, Series
from reports.comparison.figures import FEW_FOR_P99, P50, P99, THROUGHPUT, Answers
from reports.comparison.wording import mode_words, point_of, quantity_words

PSS_EACH = "PSS MB per instance"
BILLED = "billed ms"

UNITS = (Role.BASELINE, Role.FLOOR)
"""What a runtime stands beside."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Pairs of series of one scenario.

    `left` and `right`: patterns of modes, as of file names. An empty `right` is the left side's own mode. `furthest`
    takes of each side the mode with the largest number in it; `nearest` of the left side the one with the smallest.
    `quantities` are of both sides, but for `right_quantity`. `right_roles`: empty for the left side's own subject.
    `among`: every two runtimes, each once. `title` may name {left}, {right}, {mode}, {right_mode} and {quantity}.
    """

    title: str
    scenario: str
    left: str
    right: str = ""
    quantities: tuple[str, ...]
    right_quantity: str = ""
    left_role: Role = Role.RUNTIME
    right_roles: tuple[Role, ...] = UNITS
    furthest: bool = False
    nearest: bool = False
    among: bool = False


RULES = (
    Rule(
        title="cold start, {quantity}: an isolate of {left}, and {right} started",
        scenario="cold-start",
        left="isolate",
        right="runtime",
        quantities=(P50, P99),
    ),
    Rule(
        title="cold start after eviction, {quantity}: an isolate of {left}, and {right} started",
        scenario="cold-start",
        left="code-cache",
        right="runtime",
        quantities=(P50,),
    ),
    Rule(
        title="start of the whole, {quantity}: {left} and {right}",
        scenario="cold-start",
        left="runtime",
        quantities=(P50, P99),
    ),
    Rule(
        title="start of the whole, {quantity}: {left} and {right}",
        scenario="cold-start",
        left="runtime",
        quantities=(P50, P99),
        left_role=Role.FLOOR,
        right_roles=(Role.BASELINE,),
    ),
    Rule(
        title="warm request, {mode}, {quantity}: {left} and {right}",
        scenario="warm",
        left="*",
        quantities=(P50, P99),
    ),
    Rule(
        title="{mode}, {quantity}: {left} and {right}",
        scenario="concurrency",
        left="*",
        quantities=(THROUGHPUT, P99),
    ),
    Rule(
        title="memory: one of {mode} of {left}, and one of {right_mode} of {right}",
        scenario="density",
        left="*",
        right="*",
        quantities=(PSS_EACH,),
        furthest=True,
    ),
    Rule(
        title="memory: one of {mode} of {left}, and of {right}",
        scenario="density",
        left="*",
        quantities=(PSS_EACH,),
        left_role=Role.FLOOR,
        right_roles=(Role.BASELINE,),
        furthest=True,
    ),
    *(
        Rule(
            title=title,
            scenario="chain",
            left="",
            quantities=(f"{way}-hop",),
            right_quantity="http-hop",
            right_roles=roles,
        )
        for way, words in (("fetch", "fetch"), ("rpc", "RPC"))
        for title, roles in (
            (f"one call in {{left}}: service binding, {words}, and HTTP over loopback", ()),
            (f"one call: service binding, {words}, in {{left}}, and HTTP between Workers of {{right}}", UNITS),
        )
    ),
    Rule(
        title="billed for the same work in {left}: {mode}, and {right_mode}",
        scenario="bill",
        left="wait-*",
        right="wait-*",
        quantities=(BILLED,),
        right_roles=(),
        nearest=True,
    ),
    *(
        Rule(
            title=title + ": {left} and {right}",
            scenario=scenario,
            left=modes,
            quantities=quantities,
            among=True,
            furthest=furthest,
        )
        for title, scenario, modes, quantities, furthest in (
            ("cold start, {mode}, {quantity}", "cold-start", "*", (P50, P99), False),
            ("warm request, {mode}, {quantity}", "warm", "*", (P50, P99), False),
            ("{mode}, {quantity}", "concurrency", "*", (THROUGHPUT, P99), False),
            ("one call, {quantity}", "chain", "", ("fetch-hop", "rpc-hop", "http-hop"), False),
            ("first answer, {mode}, {quantity}", "density", "*", (P50,), True),
            ("memory: one of {mode}", "density", "*", (PSS_EACH,), True),
        )
    ),
)


@dataclass(frozen=True, kw_only=True)
class Couple:
    """Two series to compare."""

    title: str
    left: Series
    right: Series


def couples(
    rules: Iterable[Rule], series: Iterable[Series], roles: dict[str, Role], answers: Answers
) -> Iterator[Couple]:
    """What the rules find. A rule without a series for one of its sides finds nothing."""
    every = tuple(series)
    for rule in rules:
        for left_name, right_name in _names(rule, roles):
            for quantity in rule.quantities:
                yield from _of_rule(rule, every, left_name, right_name, quantity, answers)


def repeated(series: Iterable[Series], roles: dict[str, Role], answers: Answers) -> Iterator[Couple]:
    """The A/A pairs: every figure of the first runtime against the same of its repeat."""
    every = tuple(series)
    first = next((name for name, role in roles.items() if role is Role.RUNTIME), None)
    for again in (name for name, role in roles.items() if role is Role.REPEAT):
        there = {(each.scenario, each.mode, each.quantity): each for each in every if each.subject == again}
        for left in every:
            right = there.get((left.scenario, left.mode, left.quantity))
            if left.subject == first and right is not None and not _is_the_median(left, right, answers):
                parts = (left.scenario, mode_words(left.scenario, left.mode), _in_words(left, right, answers))
                what = ", ".join(filter(None, parts))
                yield Couple(title=f"A/A, {what}: {first} twice", left=left, right=right)


def _names(rule: Rule, roles: dict[str, Role]) -> Iterator[tuple[str, str]]:
    lefts = [name for name, role in roles.items() if role is rule.left_role]
    if rule.among:
        yield from combinations(lefts, 2)
    elif not rule.right_roles:
        yield from ((name, name) for name in lefts)
    else:
        yield from product(lefts, (name for role in rule.right_roles for name, own in roles.items() if own is role))


def _of_rule(
    rule: Rule, every: tuple[Series, ...], left_name: str, right_name: str, quantity: str, answers: Answers
) -> Iterator[Couple]:
    lefts = _matching(every, rule.scenario, left_name, rule.left, quantity)
    rights = _matching(every, rule.scenario, right_name, rule.right or rule.left, rule.right_quantity or quantity)
    if not rule.right:
        there = {each.mode for each in rights}
        lefts = [each for each in lefts if each.mode in there]
    if rule.furthest or rule.nearest:
        lefts = _picked(lefts, smallest=rule.nearest)
        rights = _picked(rights) if rule.right else rights
    for left in lefts:
        for right in rights:
            if left is right or _is_the_median(left, right, answers):
                continue
            if rule.right or left.mode == right.mode:
                title = rule.title.format(
                    left=left_name,
                    right=right_name,
                    mode=mode_words(rule.scenario, left.mode),
                    right_mode=mode_words(rule.scenario, right.mode),
                    quantity=_in_words(left, right, answers),
                )
                yield Couple(title=title, left=left, right=right)


def _of_each(left: Series, right: Series, answers: Answers) -> list[float]:
    """How many answers a launch of either has; empty for figures that are no 99th percentiles."""
    keys = ((each.scenario, each.mode, each.subject) for each in (left, right) if each.quantity == P99)
    return [answers[key] for key in keys if key in answers]


def _is_the_median(left: Series, right: Series, answers: Answers) -> bool:
    """Of one answer every percentile is that answer: the pair of medians says it already."""
    counts = _of_each(left, right, answers)
    return bool(counts) and max(counts) <= 1


def _in_words(left: Series, right: Series, answers: Answers) -> str:
    """The quantity; and of a 99th percentile, which is the slowest of few, of how many."""
    words, counts = quantity_words(left.quantity), _of_each(left, right, answers)
    if not counts or min(counts) >= FEW_FOR_P99:
        return words
    return f"{words} of {' and '.join(dict.fromkeys(f'{count:,.0f}' for count in counts))} answers"


def _picked(found: list[Series], *, smallest: bool = False) -> list[Series]:
    """Of those with a number in their mode, the one with the largest."""
    numbered = [each for each in found if point_of(each.mode) is not None]
    pick = min if smallest else max
    return [pick(numbered, key=lambda each: point_of(each.mode) or 0.0)] if numbered else []


def _matching(every: tuple[Series, ...], scenario: str, subject: str, modes: str, quantity: str) -> list[Series]:
    return [
        each
        for each in every
        if (each.scenario, each.subject, each.quantity) == (scenario, subject, quantity)
        and fnmatchcase(each.mode, modes)
    ]
