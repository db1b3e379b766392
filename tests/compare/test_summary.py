"""The end of a comparison as text: what it says of figures, pairs, claims and gaps, and how much of it."""

import msgspec
import pytest

from harness.comparison_results import Excluded, Grade, Word
from reports.compare import summary
from tests import sample_bundle


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    return sample_bundle.write(tmp_path_factory.mktemp("whole"))


def changed(report, **fields):
    return msgspec.structs.replace(report, **fields)


def test_a_column_for_each_but_the_repeat(whole):
    """The first runtime's second measurement is there for the noise floor, which has a line."""
    text = summary.render(whole)
    head = next(line for line in text.splitlines() if line.startswith("95 % interval below"))
    assert head.split()[4:] == ["reference", "workerd", "container", "node"]
    assert f"Noise floor of the machine: {whole.noise.words}" in text
    assert "container baseline not measured" not in text
    assert "INCOMPLETE" not in text


def test_figures_have_their_intervals(whole):
    """Value above, interval below, in one unit."""
    lines = summary.render(whole).splitlines()
    place = next(at for at, line in enumerate(lines) if line.startswith("Cold start of an isolate"))
    assert " ms" in lines[place]
    assert " to " in lines[place + 1]


def test_pairs_say_who_is_what(whole):
    """The word is about the left one; where nothing is shown, or there are too few launches, it names nobody."""
    text = summary.render(whole)
    pair = next(each for each in whole.pairs if not each.noise and each.word is Word.FASTER)
    assert f"{pair.left.subject} is faster" in text
    for word in (Word.NO_DIFFERENCE, Word.TOO_FEW):
        pairs = tuple(msgspec.structs.replace(each, word=word, ratio=None) for each in whole.pairs)
        undecided = summary.render(changed(whole, pairs=pairs))
        assert f"{pair.left.subject} is" not in undecided
        assert f"  {word.value}" in undecided


def test_noise_pairs_are_not_among_the_pairs(whole):
    """Their true ratio is 1; what they say is the noise floor."""
    only_noise = tuple(each for each in whole.pairs if each.noise)
    assert only_noise
    assert "right over left (95 % interval)" not in summary.render(changed(whole, pairs=only_noise))


def test_claims_with_rule_and_reason(whole):
    """Those that something was measured for; the others are one line."""
    text = summary.render(whole)
    measured = [each for each in whole.claims if each.grade is not Grade.NOT_MEASURED]
    assert measured
    for each in measured:
        assert each.grade.value.upper() in text
    nothing = tuple(msgspec.structs.replace(each, grade=Grade.NOT_MEASURED) for each in whole.claims)
    assert "Claims that nothing was measured for: " in summary.render(changed(whole, claims=nothing))
    assert "the rule, and what was seen" not in summary.render(changed(whole, claims=nothing))


def test_a_claim_that_was_measured_in_part_is_not_called_unmeasured(whole):
    """Of whom nothing was measured is said, or that it is one of several limits."""
    claim = next(each for each in whole.claims if each.grade is Grade.KEPT)
    nothing = {"grade": Grade.NOT_MEASURED, "requirement": claim.requirement}
    parts = [msgspec.structs.replace(claim, subject=name, **nothing) for name in ("tiny", "")]
    other = msgspec.structs.replace(claim, **(nothing | {"requirement": "XYZ-1"}))
    text = summary.render(changed(whole, claims=(claim, *parts, other)))
    listed = f"{claim.requirement} (of tiny), {claim.requirement} (one of its limits), XYZ-1"
    assert f"Claims that nothing was measured for: {listed}" in text


def test_an_incomplete_one_says_so_first(whole):
    """And why."""
    text = summary.render(changed(whole, complete=False, why_incomplete="interrupted during the load"))
    assert text.startswith("INCOMPLETE: interrupted during the load.")


def test_a_missing_baseline_is_named_and_the_floor_called_the_floor(whole):
    """Nobody takes the one for the other."""
    text = summary.render(changed(whole, baseline_missing="no engine answers"))
    assert "container baseline not measured: no engine answers" in text
    assert "no baseline but the floor" in text


def test_gaps_and_warnings_only_so_many(whole):
    """All of them are on the page; what is left out is counted."""
    gaps = tuple(Excluded(subject="r", scenario="s", what=f"gap {number}.", why="why") for number in range(11))
    warnings = tuple(f"warning {number}." for number in range(9))
    text = summary.render(changed(whole, excluded=gaps, warnings=warnings))
    assert "gap 7." in text
    assert "gap 8." not in text
    assert "and 3 more, on the page" in text
    assert "warning 8." not in text
    assert "and 1 more, on the page" in text


def test_nothing_measured(whole):
    """There is no empty table."""
    text = summary.render(changed(whole, series=(), pairs=(), claims=(), excluded=(), warnings=()))
    assert "95 % interval below" not in text
    assert "CONFORMANT" in text


def test_a_figure_to_be_careful_with_is_marked(whole):
    """As on the page."""
    marked = tuple(msgspec.structs.replace(each, mark="its promise is broken") for each in whole.series)
    assert "(careful)" in summary.render(changed(whole, series=marked))
    assert "not judged" in summary.render(
        changed(whole, subjects=tuple(msgspec.structs.replace(each, verdict=None) for each in whole.subjects))
    )
