"""Claims graded by the rules: from the bounds of an interval that stands on launches enough, never from a figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from harness.comparison_results import Claim, Grade, Role, Series
from harness.statistics import MIN_LAUNCHES_FOR_A_VERDICT, compare, interval_of
from reports.comparison.claim_rules import CLAIM_RULES, OTHERWISE, ClaimRule, Factor, Level, Limits, Unmeasured
from reports.comparison.evidence import Evidence
from reports.comparison.rounding import rounded
from reports.comparison.wording import launches_words, mode_words, point_of, quantity_words
from reports.key_figures import range_in, value_in

TIMES = "times"


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a rule found. `doubt`: why it decides nothing, whatever the bounds; `about`: the figure in words."""

    value: float | None
    low: float | None
    high: float | None
    launches: int
    unit: str
    about: str
    sources: tuple[str, ...]
    doubt: str = ""


def claims_of(evidence: Evidence) -> tuple[Claim, ...]:
    """A claim for each rule and subject it is about, then the rows of the catalogue that no rule names."""
    found = [claim for rule in CLAIM_RULES for claim in _of_rule(rule, evidence)]
    named = {rule.requirement for rule in CLAIM_RULES}
    rest = (each for each in evidence.graded if each not in named)
    found += [_unmeasured(each, "", evidence, "", OTHERWISE) for each in rest]
    return tuple(found)


def _of_rule(rule: ClaimRule, evidence: Evidence) -> Iterator[Claim]:
    if isinstance(rule, Unmeasured):
        yield _unmeasured(rule.requirement, rule.rule, evidence, "", rule.why)
        return
    subjects = evidence.subjects(rule.role)
    if not subjects:
        yield _unmeasured(rule.requirement, rule.rule, evidence, "", _nobody(rule.role, evidence))
    for subject in subjects:
        seen = _seen(rule, evidence, subject)
        if isinstance(seen, str):
            yield _unmeasured(rule.requirement, rule.rule, evidence, subject, seen)
        else:
            yield _graded(rule, evidence, subject, seen)


def _seen(rule: Level | Factor, evidence: Evidence, subject: str) -> _Seen | str:
    """The figure, or why there is none."""
    series = evidence.find(rule.pick, subject)
    if series is None:
        return evidence.why_missing(rule.pick, subject) or rule.missing
    match rule:
        case Level():
            return _level(rule, evidence, series)
        case Factor():
            return _factor(rule, evidence, series)
        case _:
            assert_never(rule)


def _level(rule: Level, evidence: Evidence, series: Series) -> _Seen:
    found = interval_of([rule.scale * each for each in series.per_launch])
    return _Seen(
        value=found.center,
        low=found.low,
        high=found.high,
        launches=found.launches,
        unit=rule.unit,
        about=rule.remark(evidence, series) if rule.remark else "",
        sources=evidence.sources(series),
        doubt=series.mark or found.why,
    )


def _factor(rule: Factor, evidence: Evidence, series: Series) -> _Seen | str:
    whose = series.subject
    if rule.of is not None:
        others = evidence.subjects(rule.of)
        if not others:
            return _nobody(rule.of, evidence)
        whose = others[0]
    other = evidence.find(rule.other, whose)
    if other is None:
        return f"nothing to hold it against: {evidence.why_missing(rule.other, whose) or rule.missing}"
    found = compare(series.per_launch, other.per_launch, seed=None)
    return _Seen(
        value=found.ratio,
        low=found.low,
        high=found.high,
        launches=min(found.launches_left, found.launches_right),
        unit=TIMES,
        about=f"{_center(series)} and {_center(other)}",
        sources=evidence.sources(series, other),
        doubt=series.mark or other.mark or found.why or _too_short(rule, series, other),
    )


def _too_short(rule: Factor, series: Series, other: Series) -> str:
    """Why two points of one axis do not show what happens along it."""
    if series is other:
        return "only one point of it was measured"
    if rule.reaches is not None and (point_of(other.mode) or 0) < rule.reaches:
        return f"it was measured up to {mode_words(other.scenario, other.mode)} only"
    return ""


def _center(series: Series) -> str:
    value = "no center" if series.center is None else value_in(series.center, series.unit)
    where = mode_words(series.scenario, series.mode) or quantity_words(series.quantity)
    return f"{value} ({series.subject}, {where})"


def _graded(rule: Level | Factor, evidence: Evidence, subject: str, seen: _Seen) -> Claim:
    grade, doubt = _grade(rule.limits, seen)
    return Claim(
        requirement=rule.requirement,
        statement=evidence.statements.get(rule.requirement, rule.rule),
        subject=subject,
        grade=grade,
        rule=rule.rule,
        why="; ".join(filter(None, (_figure(seen), seen.about, doubt))),
        unit=seen.unit,
        value=rounded(seen.value),
        low=rounded(seen.low),
        high=rounded(seen.high),
        launches=seen.launches,
        sources=seen.sources,
    )


def _grade(limits: Limits, seen: _Seen) -> tuple[Grade, str]:
    """And why it is not more, where it could be."""
    if seen.doubt:
        return Grade.NOT_SHOWN, seen.doubt
    if seen.low is None or seen.high is None:
        return Grade.NOT_SHOWN, "one launch has no interval"
    if seen.launches < MIN_LAUNCHES_FOR_A_VERDICT:
        return Grade.NOT_SHOWN, f"too few launches for a verdict: {MIN_LAUNCHES_FOR_A_VERDICT} are needed"
    found = limits.grade(seen.low, seen.high)
    return found, "the interval reaches over a limit" if found is Grade.NOT_SHOWN else ""


def _figure(seen: _Seen) -> str:
    if seen.value is None:
        return launches_words(seen.launches)
    figure = value_in(seen.value, seen.unit)
    if seen.low is not None and seen.high is not None:
        figure += f" ({range_in(seen.low, seen.high, seen.unit)})"
    return f"{figure}, {launches_words(seen.launches)}"


def _unmeasured(requirement: str, rule: str, evidence: Evidence, subject: str, why: str) -> Claim:
    return Claim(
        requirement=requirement,
        statement=evidence.statements.get(requirement, rule),
        subject=subject,
        grade=Grade.NOT_MEASURED,
        rule=rule,
        why=why,
    )


def _nobody(role: Role, evidence: Evidence) -> str:
    """Why nobody was measured in that role."""
    match role:
        case Role.BASELINE:
            return evidence.baseline_missing or "no container was compared"
        case Role.FLOOR:
            return "no plain process was measured beside it"
        case Role.RUNTIME | Role.REPEAT:
            return "no runtime was measured"
        case _:
            assert_never(role)
