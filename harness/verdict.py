"""The verdict: a pure function of the rows.

Rows are folded to one status per requirement, requirements to one verdict per conformance class, classes to the
overall verdict over those the runtime claims. Only MUST rows count; SHOULD rows are reported, performance rows are
graded elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from harness.features import ConformanceClass
from harness.rows import ReasonCode, Row, Status


class Verdict(StrEnum):
    """Worst last, so that the overall verdict is the largest."""

    CONFORMANT = "conformant"
    PARTIALLY_CONFORMANT = "partially conformant"
    INCONCLUSIVE = "inconclusive"
    NON_CONFORMANT = "non-conformant"
    NOT_CLAIMED = "not claimed"


_WORSE = (Verdict.CONFORMANT, Verdict.PARTIALLY_CONFORMANT, Verdict.INCONCLUSIVE, Verdict.NON_CONFORMANT)

# A requirement is as good as its worst test. An untested promise is the suite's debt and weighs nothing.
_WORST_FIRST = (
    Status.FAIL,
    Status.CRASH,
    Status.TIMEOUT,
    Status.XFAIL,
    Status.ERROR,
    Status.INCONCLUSIVE,
    Status.XPASS,
    Status.NOT_RUN,
    Status.SKIPPED,
    Status.UNSUPPORTED,
    Status.PASS,
    Status.NO_TEST,
)

BROKEN = frozenset({Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.XFAIL})
"""A crash or a hang of the runtime under test is a promise broken, not a mishap."""

UNDECIDED = frozenset({Status.ERROR, Status.INCONCLUSIVE, Status.NOT_RUN, Status.SKIPPED, Status.XPASS})


class ClassVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One class's verdict and the MUST requirements it rests on, by what became of them. `untested`: no test yet."""

    verdict: Verdict
    claimed: bool
    kept: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()


def requirement_statuses(rows: Iterable[Row]) -> dict[str, Status]:
    """The status of each requirement: that of its worst row.

    A test that is only in a longer profile weighs nothing beside one that ran: a verdict is one of its profile.
    """
    rows = tuple(rows)
    decided = {row.requirement for row in rows if row.reason_code is not ReasonCode.NOT_IN_PROFILE}
    worst: dict[str, Status] = {}
    for row in rows:
        if row.reason_code is ReasonCode.NOT_IN_PROFILE and row.requirement in decided:
            continue
        before = worst.get(row.requirement, row.status)
        worst[row.requirement] = min(before, row.status, key=_WORST_FIRST.index)
    return worst


def class_verdicts(rows: Iterable[Row], claimed: Iterable[ConformanceClass]) -> dict[str, ClassVerdict]:
    """A verdict for every class but cost, claimed or not."""
    rows = tuple(rows)
    statuses = requirement_statuses(rows)
    claims = set(claimed)
    verdicts = {}
    for name in ConformanceClass:
        if name is ConformanceClass.COST:
            continue
        musts = {row.requirement: row for row in rows if row.requirement_class == name.value and row.level == "must"}
        ordered = sorted(musts, key=lambda requirement: musts[requirement].order())
        verdicts[name.value] = _class_verdict({each: statuses[each] for each in ordered}, name in claims)
    return verdicts


def overall_verdict(verdicts: Iterable[ClassVerdict]) -> Verdict:
    """The worst verdict among the claimed classes; "inconclusive" when none is claimed."""
    found = [each.verdict for each in verdicts if each.claimed]
    return max(found, key=_WORSE.index) if found else Verdict.INCONCLUSIVE


def _class_verdict(statuses: dict[str, Status], claimed: bool) -> ClassVerdict:
    def having(wanted: frozenset[Status]) -> tuple[str, ...]:
        return tuple(name for name, status in statuses.items() if status in wanted)

    kept, broken, undecided = having(frozenset({Status.PASS})), having(BROKEN), having(UNDECIDED)
    unsupported = having(frozenset({Status.UNSUPPORTED}))
    return ClassVerdict(
        verdict=_judge(kept, broken, unsupported, undecided) if claimed else Verdict.NOT_CLAIMED,
        claimed=claimed,
        kept=kept,
        broken=broken,
        unsupported=unsupported,
        undecided=undecided,
        untested=having(frozenset({Status.NO_TEST})),
    )


def _judge(
    kept: tuple[str, ...], broken: tuple[str, ...], unsupported: tuple[str, ...], undecided: tuple[str, ...]
) -> Verdict:
    if broken:
        return Verdict.NON_CONFORMANT
    if undecided or not kept:
        return Verdict.INCONCLUSIVE
    return Verdict.PARTIALLY_CONFORMANT if unsupported else Verdict.CONFORMANT
