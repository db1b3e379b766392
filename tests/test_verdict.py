"""The verdict follows from the rows and nothing else."""

import itertools

import msgspec
import pytest

from harness.features import ConformanceClass
from harness.rows import Expected, ReasonCode, Row, Status, is_expected
from harness.verdict import BROKEN, UNDECIDED, ClassVerdict, Verdict, class_verdicts, overall_verdict
from harness.verdict import requirement_statuses as folded

CORE = frozenset({ConformanceClass.CORE})


def row(requirement, status, *, level="must", class_="core", test="test_a"):
    return Row(
        requirement=requirement,
        area=requirement.partition("-")[0],
        requirement_class=class_,
        level=level,
        statement="it holds",
        test=test,
        status=status,
        reason_code=ReasonCode.PROMISE_KEPT,
    )


def core_verdict(*statuses, claimed=CORE):
    rows = [row(f"ISO-{number}", status) for number, status in enumerate(statuses, start=1)]
    return class_verdicts(rows, claimed)["core"]


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["pass"], Verdict.CONFORMANT),
        (["pass", "pass"], Verdict.CONFORMANT),
        (["pass", "no test yet"], Verdict.CONFORMANT),
        (["no test yet"], Verdict.INCONCLUSIVE),
        ([], Verdict.INCONCLUSIVE),
        (["pass", "unsupported"], Verdict.PARTIALLY_CONFORMANT),
        (["unsupported"], Verdict.INCONCLUSIVE),
        *((["pass", status], Verdict.NON_CONFORMANT) for status in ("fail", "crash", "timeout", "xfail")),
        *((["pass", status], Verdict.INCONCLUSIVE) for status in ("error", "inconclusive", "not run", "skipped")),
        (["pass", "xpass"], Verdict.INCONCLUSIVE),
        (["fail", "error", "unsupported", "pass"], Verdict.NON_CONFORMANT),
        (["error", "unsupported", "pass"], Verdict.INCONCLUSIVE),
    ],
    ids=lambda value: "+".join(value) or "nothing" if isinstance(value, list) else None,
)
def test_class_verdict(statuses, verdict):
    """Broken beats undecided, which beats unsupported; an untested promise weighs nothing; nothing shows nothing."""
    assert core_verdict(*map(Status, statuses)).verdict is verdict


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_place(status):
    """Each status counts in exactly one of the lists of a class verdict."""
    verdict = core_verdict(status)
    lists = (verdict.kept, verdict.broken, verdict.unsupported, verdict.undecided, verdict.untested)
    assert sorted(name for names in lists for name in names) == ["ISO-1"]


def test_broken_and_undecided_do_not_meet():
    """No status is both."""
    assert not BROKEN & UNDECIDED


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(Status, 2)))
def test_a_requirement_is_as_good_as_its_worst_test(one, other):
    """Two tests of one requirement give one status, the same in either order, and never a better one than either."""
    rows = [row("ISO-1", one), row("ISO-1", other, test="test_b")]
    found = folded(rows)["ISO-1"]
    assert folded(rows[::-1])["ISO-1"] is found
    assert found in {one, other}
    if {one, other} & BROKEN:
        assert found in BROKEN
    if Status.PASS in {one, other} and {one, other} != {Status.PASS, Status.NO_TEST}:
        assert found is not Status.PASS


@pytest.mark.parametrize("status", Status)
def test_a_test_of_a_longer_profile_weighs_nothing_beside_one_that_ran(status):
    """A verdict is one of its profile: what only the longer one holds does not make it worse."""
    longer = msgspec.structs.replace(row("ISO-1", Status.NOT_RUN, test="test_b"), reason_code=ReasonCode.NOT_IN_PROFILE)
    assert folded([row("ISO-1", status), longer]) == folded([longer, row("ISO-1", status)]) == {"ISO-1": status}
    assert folded([longer]) == {"ISO-1": Status.NOT_RUN}


@pytest.mark.parametrize("level", ["should", "performance"])
def test_only_must_counts(level):
    """A broken SHOULD or performance row changes no verdict."""
    rows = [row("ISO-1", Status.PASS), row("ISO-5", Status.FAIL, level=level)]
    assert class_verdicts(rows, CORE)["core"] == core_verdict(Status.PASS)


def test_a_class_that_is_not_claimed_has_no_verdict():
    """Its rows are listed all the same, and do not enter the overall verdict."""
    rows = [row("ISO-1", Status.PASS), row("MEM-1", Status.FAIL, class_="resources")]
    verdicts = class_verdicts(rows, CORE)
    assert verdicts["resources"].verdict is Verdict.NOT_CLAIMED
    assert verdicts["resources"].broken == ("MEM-1",)
    assert overall_verdict(verdicts.values()) is Verdict.CONFORMANT
    assert set(verdicts) == {"core", "resources", "state", "planet"}


@pytest.mark.parametrize("pair", list(itertools.product(list(Verdict)[:4], repeat=2)))
def test_overall_is_the_worst(pair):
    """Conformant, partially, inconclusive, non-conformant: the worst of the claimed classes is the whole's."""
    order = [Verdict.CONFORMANT, Verdict.PARTIALLY_CONFORMANT, Verdict.INCONCLUSIVE, Verdict.NON_CONFORMANT]
    verdicts = [ClassVerdict(verdict=verdict, claimed=True) for verdict in pair]
    unclaimed = ClassVerdict(verdict=Verdict.NOT_CLAIMED, claimed=False)
    assert overall_verdict([*verdicts, unclaimed]) is max(pair, key=order.index)


def test_nothing_claimed_shows_nothing():
    """Without a claimed class the overall verdict is inconclusive."""
    assert overall_verdict([]) is Verdict.INCONCLUSIVE
    assert overall_verdict([core_verdict(Status.PASS, claimed=())]) is Verdict.INCONCLUSIVE


def test_requirements_stand_in_number_order():
    """ISO-10 comes after ISO-9."""
    rows = [row(f"ISO-{number}", Status.PASS) for number in (10, 9, 1)]
    assert class_verdicts(rows, CORE)["core"].kept == ("ISO-1", "ISO-9", "ISO-10")


ALWAYS = {Status.NOT_RUN, Status.NO_TEST, Status.SKIPPED, Status.XFAIL}


@pytest.mark.parametrize(("status", "expected"), list(itertools.product(Status, Status)))
def test_is_expected(status, expected):
    """What did not run surprises nobody; a row expected to pass may pass or be unsupported; else only the foretold."""
    if status in ALWAYS:
        wanted = True
    elif expected is Status.PASS:
        wanted = status in {Status.PASS, Status.UNSUPPORTED}
    else:
        wanted = status is expected
    assert is_expected(status, Expected(status=expected)) is wanted
