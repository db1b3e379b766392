"""Figures of two runs beside each other. A figure has changed when its launches show it, and not because it differs.

Two nights never give the same numbers. What counts is what counts within one report: the interval of the ratio, Holm's
correction for all figures that both runs have, and the noise floor of the noisier of the two nights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.comparison_results import ComparisonReport, Role, Series, Word
from harness.diff_results import Center, FigureChange, Kind
from harness.statistics import TOO_FEW_BELOW, Comparison, compare, holm, word
from reports.comparison.figures import quantity_of

Key = tuple[str, str, str, str, str]

_CHANGED = frozenset({Word.FASTER, Word.SLOWER, Word.LESS, Word.MORE})


@dataclass(frozen=True, kw_only=True)
class FigureChanges:
    """`compared`: figures of both runs of which something can be said; `too_few`: those without launches enough for it.

    A figure that is marked in either run is neither.
    """

    changes: tuple[FigureChange, ...]
    compared: int
    too_few: int


def figure_changes(old: ComparisonReport, new: ComparisonReport) -> FigureChanges:
    """Of subjects that both runs have. Figures are the same when subject, scenario, mode, quantity and unit are."""
    was, now = _by_key(old, new), _by_key(new, old)
    both = [key for key in now if key in was and not (now[key].mark or was[key].mark)]
    floor = max(old.noise.factor or 1.0, new.noise.factor or 1.0)
    # The newer stands on the left, so that the word is of it.
    compared = {key: compare(now[key].per_launch, was[key].per_launch, seed=None) for key in both}
    enough = [key for key, found in compared.items() if _enough(found)]
    corrected = dict(zip(enough, holm([compared[key].p or 0.0 for key in enough]), strict=True))

    changes, too_few = [], len(both) - len(enough)
    for key in enough:
        said = word(compared[key], corrected[key], quantity=quantity_of(now[key].quantity, now[key].unit), floor=floor)
        too_few += said is Word.TOO_FEW
        if said in _CHANGED:
            changes.append(_changed(was[key], now[key], compared[key], corrected[key], said))
    changes += _only_in(now, was, Kind.ADDED)
    changes += _only_in(was, now, Kind.REMOVED)
    return FigureChanges(changes=tuple(changes), compared=len(both) - too_few, too_few=too_few)


def _by_key(report: ComparisonReport, other: ComparisonReport) -> dict[Key, Series]:
    """The figures of subjects that both runs have; a runtime's second measurement is there for the noise alone."""
    subjects = _subjects(report) & _subjects(other)
    found = (each for each in report.series if each.subject in subjects)
    return {(each.subject, each.scenario, each.mode, each.quantity, each.unit): each for each in found}


def _subjects(report: ComparisonReport) -> set[str]:
    return {each.name for each in report.subjects if each.role is not Role.REPEAT}


def _enough(found: Comparison) -> bool:
    return found.p is not None and min(found.launches_left, found.launches_right) >= TOO_FEW_BELOW


def _changed(was: Series, now: Series, found: Comparison, p_holm: float, said: Word) -> FigureChange:
    """`found` is of newer against older, and its ratio older over newer; shown is newer over older."""
    assert found.ratio
    assert found.low
    assert found.high
    return FigureChange(
        kind=Kind.CHANGED,
        subject=now.subject,
        scenario=now.scenario,
        mode=now.mode,
        quantity=now.quantity,
        unit=now.unit,
        was=_center(was),
        now=_center(now),
        ratio=1 / found.ratio,
        low=1 / found.high,
        high=1 / found.low,
        p_holm=p_holm,
        word=said,
    )


def _only_in(here: dict[Key, Series], there: dict[Key, Series], kind: Kind) -> Iterator[FigureChange]:
    for key, each in here.items():
        if key not in there:
            center = _center(each)
            yield FigureChange(
                kind=kind,
                subject=each.subject,
                scenario=each.scenario,
                mode=each.mode,
                quantity=each.quantity,
                unit=each.unit,
                was=center if kind is Kind.REMOVED else None,
                now=center if kind is Kind.ADDED else None,
            )


def _center(series: Series) -> Center:
    return Center(value=series.center, low=series.low, high=series.high, launches=len(series.per_launch))
