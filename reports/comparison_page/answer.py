"""The top of the page: who was compared, what was found of each, and three figures with the container beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from harness.comparison_results import ComparisonReport, Pair, Role, Series, Subject, Word
from reports.answer import classes_words
from reports.comparison_page import chain, cold, concurrency, warm
from reports.comparison_page import subjects as who
from reports.comparison_page.layout import PERCENT_95, interval_words
from reports.comparison_page.material import Material
from reports.comparison_page.modes import WAYS, in_words
from reports.key_figures import value_in
from reports.quantities import significant

DIRECTIONS = frozenset({Word.FASTER, Word.SLOWER, Word.LESS, Word.MORE})
THROUGHPUT = "throughput"


@dataclass(frozen=True, kw_only=True)
class Found:
    """One of those compared. `slug` is the verdict's; `sentence` says it by classes, or why there is none."""

    name: str
    version: str
    role: str
    verdict: str
    slug: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of a headline. `role`: what its subject is here. `note`: what it is of. `more`: quieter figures.

    `word` and `against`: how it compares and with what; `ratio`: the interval of that.
    """

    name: str
    role: str
    note: str
    value: str
    interval: str
    more: tuple[str, ...] = ()
    word: str = ""
    against: str = ""
    ratio: str = ""
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """`leads` are the runtimes, `beside` what they stand beside. `note`: what all of the figures are of."""

    title: str
    anchor: str
    note: str
    leads: tuple[Figure, ...]
    beside: tuple[Figure, ...]


def title(report: ComparisonReport) -> str:
    return who.listed([each.name for each in who.runtimes(report)]) or "Nothing"


def beside_words(report: ComparisonReport) -> str:
    """ "beside container and node"; empty when the runtimes stand alone."""
    names = [each.name for each in who.beside(report)]
    return f"beside {who.listed(names)}" if names else ""


def found(material: Material) -> tuple[Found, ...]:
    """Every subject but the repeated one, with its verdict."""
    return tuple(_found(material, subject) for subject in who.drawn(material.report))


def headlines(material: Material) -> tuple[Headline, ...]:
    """Cold start, throughput, and a call to another Worker: those that were measured of any runtime."""
    made = (
        _headline(material, "Cold start", cold.ANCHOR, _cold),
        _headline(material, "Throughput per process", concurrency.ANCHOR, _throughput),
        _headline(material, "Call to another Worker", chain.ANCHOR, _call),
    )
    return tuple(each for each in made if each.leads)


def compared(pair: Pair) -> tuple[str, str, str]:
    """From the left side's point of view: ("74.6 times faster", "than node", "95 %: 72.7 to 76.6")."""
    right, ends = pair.right.subject, (pair.low, pair.high)
    if pair.ratio is None:
        return pair.word.value, f"beside {right}", ""
    if pair.word not in DIRECTIONS:
        return pair.word.value, f"beside {right}", f"{right} over it: {significant(pair.ratio)}, {_interval(*ends)}"
    if pair.ratio >= 1:
        return f"{significant(pair.ratio)} times {pair.word.value}", f"than {right}", _interval(*ends)
    low, high = (None if each is None else 1 / each for each in reversed(ends))
    return f"{significant(1 / pair.ratio)} times {pair.word.value}", f"than {right}", _interval(low, high)


def _interval(low: float | None, high: float | None) -> str:
    return "no interval" if low is None or high is None else f"{PERCENT_95}: {significant(low)} to {significant(high)}"


def _found(material: Material, subject: Subject) -> Found:
    report = material.judged.get(subject.name)
    if report is not None:
        sentence = f"{classes_words(report)}."
        if not report.complete:
            sentence += f" The run was not complete: {report.why_incomplete or 'it was cut short'}."
    elif subject.conformance in material.problems:
        sentence = f"Its conformance report cannot be shown: {material.problems[subject.conformance]}."
    else:
        sentence = "The conformance suite was not run on it."
    verdict = report.verdict if report else subject.verdict
    return Found(
        name=subject.name,
        version=subject.runtime.version,
        role=who.ROLES[subject.role],
        verdict=verdict.value if verdict else "not judged",
        slug=verdict.value.replace(" ", "-") if verdict else "not-claimed",
        sentence=sentence[:1].upper() + sentence[1:],
    )


def _headline(
    material: Material, name: str, anchor: str, figure: Callable[[Material, Subject], Figure | None]
) -> Headline:
    leads, others = (
        tuple(made for subject in subjects if (made := figure(material, subject)) is not None)
        for subjects in (who.runtimes(material.report), who.beside(material.report))
    )
    notes = {each.note for each in (*leads, *others)}
    if len(notes) == 1:
        leads, others = (tuple(replace(each, note="") for each in figures) for figures in (leads, others))
    note = notes.pop() if len(notes) == 1 else ""
    return Headline(title=name, anchor=anchor, note=note, leads=leads, beside=others)


def _cold(material: Material, subject: Subject) -> Figure | None:
    mode = cold.own_mode(material, subject)
    note = "a fresh isolate" if mode == cold.ISOLATE else "started whole"
    return _figure(material, subject, material.find(cold.SCENARIO, subject.name, mode, "p50"), note)


def _throughput(material: Material, subject: Subject) -> Figure | None:
    mode = _busiest(material)
    series = material.find(concurrency.SCENARIO, subject.name, mode, THROUGHPUT)
    note = in_words(concurrency.SCENARIO, mode)
    return _figure(material, subject, series, note, more=tuple(_warm(material, subject)))


def _call(material: Material, subject: Subject) -> Figure | None:
    for way in chain.CHEAPEST_FIRST:
        series = material.derived(chain.SCENARIO, subject.name, f"{way}-hop")
        if series is not None:
            return _figure(material, subject, series, WAYS[way])
    return None


def _figure(
    material: Material, subject: Subject, series: Series | None, note: str, *, more: tuple[str, ...] = ()
) -> Figure | None:
    if series is None or series.center is None:
        return None
    pair = _pair(material.report, series) if subject.role is Role.RUNTIME else None
    word, against, ratio = compared(pair) if pair else ("", "", "")
    return Figure(
        name=subject.name,
        role=who.SHORT_ROLES[subject.role],
        note=note,
        value=value_in(series.center, series.unit),
        interval=interval_words(series),
        more=more,
        word=word,
        against=against,
        ratio=ratio,
        mark=series.mark,
    )


def _pair(report: ComparisonReport, series: Series) -> Pair | None:
    """The comparison of that series with the container, or with the floor where there is none."""
    mine, other = (series.subject, series.scenario, series.mode, series.quantity), who.stand_in(report)
    for pair in report.pairs:
        left = (pair.left.subject, pair.left.scenario, pair.left.mode, pair.left.quantity)
        if other is not None and not pair.noise and left == mine and pair.right.subject == other.name:
            return pair
    return None


def _busiest(material: Material) -> str:
    """The mode that stands for throughput: of those computing, where the first runtime's figure is highest."""
    modes = material.modes(concurrency.SCENARIO, "compute-") or material.modes(concurrency.SCENARIO)
    for subject in who.runtimes(material.report):
        figures = {
            mode: series.center or 0.0
            for mode in modes
            if (series := material.find(concurrency.SCENARIO, subject.name, mode, THROUGHPUT)) and not series.mark
        }
        if figures:
            return max(figures, key=lambda mode: figures[mode])
    return ""


def _warm(material: Material, subject: Subject) -> Iterator[str]:
    median, slow = (material.find(warm.SCENARIO, subject.name, warm.ONE_AT_A_TIME, name) for name in ("p50", "p99"))
    if median is not None and median.center is not None:
        tail = f", p99 {value_in(slow.center, slow.unit)}" if slow is not None and slow.center is not None else ""
        yield f"warm request {value_in(median.center, median.unit)}{tail}"
