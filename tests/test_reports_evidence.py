"""Evidence is legible: a line for each of like records, lists of text as lines, everything else as JSON."""

from __future__ import annotations

from reports.evidence import pieces


def shown(value: object) -> str:
    return pieces({"label": value})[0].text


def test_like_records_get_a_line_each_under_their_fields() -> None:
    records = [{"request": "GET / to a", "answer": "status 200"}, {"request": "GET /b to a", "answer": "no answer"}]
    assert shown(records).splitlines() == [
        "request  |  answer",
        "GET / to a  |  status 200",
        "GET /b to a  |  no answer",
    ]


def test_a_word_between_records_stays_where_it_is() -> None:
    records = [{"request": "GET /1", "answer": "a"}, "... 7 more ...", {"request": "GET /9", "answer": "b"}]
    assert shown(records).splitlines()[2] == "... 7 more ..."


def test_unlike_or_nested_records_stay_json() -> None:
    unlike = [{"some": "x" * 60, "field": 1}, {"another": "y" * 60, "field": 2}]
    nested = [{"some": {"deep": "x" * 60}, "field": 1}]
    for value in (unlike, nested):
        assert shown(value).startswith("[\n  {")


def test_lists_of_text_are_lines() -> None:
    probes = [f"conformance/workers/{name}" for name in ("lifecycle", "neighbour", "memory")]
    assert shown(probes) == "\n".join(probes)
