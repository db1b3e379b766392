"""The answer at the top of a page: the verdict in one sentence, and the headline figures of what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from harness.results import Cell, ConformanceReport, CostReport, Derived
from harness.verdict import ClassVerdict, Verdict
from reports.costs import DERIVED_ANCHOR, percentile_ns, scenario_anchor
from reports.quantities import counted, duration, significant, spread

LAUNCHES_FOR_A_COMPARISON = 10
"""Below this many launches a difference between two figures is an indication, not a finding."""

# The figures of the headlines, by the names the load generator gives them.
ISOLATE_COLD = ("cold-start", "isolate")
PROCESS_COLD = ("cold-start", "process")
ISOLATE_WARM = ("warm", "runtime")
PROCESS_WARM = ("warm", "process")
CALLS = (
    ("binding-rpc-call", "service binding, RPC"),
    ("binding-fetch-call", "service binding, fetch"),
    ("loopback-http-call", "HTTP over loopback"),
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of a headline: `spread` is the range of the per-launch medians behind it, empty where none is."""

    label: str
    value: str
    spread: str = ""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """A figure of the runtime, what it stands beside, and where its plot is."""

    title: str
    lead: Figure
    beside: tuple[Figure, ...]
    conclusion: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class ClassLine:
    """A conformance class as a row of the summary."""

    name: str
    verdict: str
    slug: str
    kept: str
    rest: str


def verdict_sentence(report: ConformanceReport) -> str:
    """All classes in one sentence; promises without a test are said, never left out."""
    return f"{report.runtime.name} is {report.verdict.value.upper()}: {classes_words(report)}."


def classes_words(report: ConformanceReport) -> str:
    """Every class with its verdict and what it rests on, and how many promises have no test."""
    parts = ", ".join(f"{name} {_class_words(each)}" for name, each in report.classes.items())
    untested = sum(len(each.untested) for each in report.classes.values())
    rest = f"; {counted(untested, 'MUST promise has', 'MUST promises have')} no test yet" if untested else ""
    return f"{parts}{rest}"


def class_lines(report: ConformanceReport) -> tuple[ClassLine, ...]:
    return tuple(
        ClassLine(
            name=name,
            verdict=each.verdict.value,
            slug=each.verdict.value.replace(" ", "-"),
            kept=f"{len(each.kept)} of {_tested(each)}",
            rest=_rest(each) or "nothing",
        )
        for name, each in report.classes.items()
    )


def expectation_sentence(report: ConformanceReport) -> str:
    """Whether anything came out other than foretold."""
    unexpected = sum(not row.as_expected for row in report.rows)
    if unexpected:
        return f"{counted(unexpected, 'result')} not as expected."
    return "Every result as expected." if report.as_expected else "The run as a whole was not as expected."


def headlines(cost: CostReport) -> tuple[Headline, ...]:
    """Those of the three headlines whose figures were measured."""
    found = (_cold(cost), _calls(cost), _warm(cost))
    return tuple(each for each in found if each)


def launches_sentence(cost: CostReport) -> str:
    """What the ranges mean and what they do not."""
    words = (
        f"{counted(cost.launches, 'launch', 'launches')} of each runtime. The range beside a figure runs from the "
        "lowest to the highest median of a launch; it is not a confidence interval."
    )
    if cost.launches < LAUNCHES_FOR_A_COMPARISON:
        words += f" Fewer than {LAUNCHES_FOR_A_COMPARISON} launches: read differences as indications, not as findings."
    return words


def _class_words(each: ClassVerdict) -> str:
    if each.verdict is Verdict.NOT_CLAIMED:
        return each.verdict.value
    return f"{each.verdict.value.upper()} ({len(each.kept)} of {_tested(each)} kept)"


def _tested(each: ClassVerdict) -> int:
    return len(each.kept) + len(each.broken) + len(each.unsupported) + len(each.undecided)


def _rest(each: ClassVerdict) -> str:
    named = (
        ("broken", each.broken),
        ("unsupported", each.unsupported),
        ("undecided", each.undecided),
        ("without a test yet", each.untested),
    )
    return ", ".join(f"{len(ids)} {word}" for word, ids in named if ids)


def _figure(label: str, cell: Cell, key: str = "p50") -> Figure | None:
    value_ns = percentile_ns(cell, key)
    if value_ns is None:
        return None
    # Only the median has a range: the launches' other percentiles are not in the report.
    medians = spread(cell.per_launch_p50_ns) if key == "p50" and cell.per_launch_p50_ns else ""
    return Figure(label=label, value=duration(value_ns), spread=medians)


def _cold(cost: CostReport) -> Headline | None:
    isolate, process = cost.cell(*ISOLATE_COLD), cost.cell(*PROCESS_COLD)
    lead = _figure("new isolate, median", isolate) if isolate else None
    if not isolate or not lead:
        return None
    beside = _figure(f"{cost.baseline.name} process, median", process) if process else None
    own, other = percentile_ns(isolate, "p50"), percentile_ns(process, "p50") if process else None
    ratio = f"The process takes {significant(other / own)} times as long." if own and other else ""
    return Headline(
        title="Cold start",
        lead=lead,
        beside=(beside,) if beside else (),
        conclusion=ratio,
        anchor=scenario_anchor(isolate.scenario),
    )


def _calls(cost: CostReport) -> Headline | None:
    by_name = {each.name: each for each in cost.derived}
    found = [(by_name[name], label) for name, label in CALLS if name in by_name]
    if not found or found[0][0].name == CALLS[-1][0]:
        return None
    first, *others = (_derived_figure(each, label) for each, label in found)
    lead, http = found[0][0], by_name.get(CALLS[-1][0])
    ratio = ""
    if http and lead.median_ns > 0:
        ratio = f"HTTP takes {significant(http.median_ns / lead.median_ns)} times as long."
    return Headline(
        title="Call to another Worker", lead=first, beside=tuple(others), conclusion=ratio, anchor=DERIVED_ANCHOR
    )


def _derived_figure(each: Derived, label: str) -> Figure:
    return Figure(
        label=label, value=duration(each.median_ns), spread=spread(each.per_launch_ns) if each.per_launch_ns else ""
    )


def _warm(cost: CostReport) -> Headline | None:
    isolate, process = cost.cell(*ISOLATE_WARM), cost.cell(*PROCESS_WARM)
    lead = _figure("warm isolate, median", isolate) if isolate else None
    if not isolate or not lead:
        return None
    beside = [_figure("warm isolate, p99", isolate, "p99")]
    if process:
        beside += [
            _figure(f"{cost.baseline.name} process, median", process),
            _figure(f"{cost.baseline.name} process, p99", process, "p99"),
        ]
    return Headline(
        title="Warm request",
        lead=lead,
        beside=tuple(each for each in beside if each),
        conclusion="",
        anchor=scenario_anchor(isolate.scenario),
    )
