"""Percentile distributions: what is written is what the standard library writes, and its plotter reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import toolchain
from harness.histograms import hgrm
from harness.histograms.histogram import HIGHEST_NS, LOWEST_NS, LatencyHistogram

SAMPLES = {
    "one value": [42_000],
    "two values": [1, 59_999_999_999],
    "few values, far apart": [250_000] * 40 + [300_000] * 9 + [61_000_000],
    "many values": [value * value for value in range(1, 5_000)],
    "one value many times": [123_456_789] * 5_000,
}

WRITE_WITH_JS = """
const { decodeFromCompressedBase64 } = require("hdr-histogram-js");
const jobs = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
console.log(JSON.stringify(jobs.map(({ encoded, ticks, ratio }) =>
  decodeFromCompressedBase64(encoded, 64).outputPercentileDistribution(ticks, ratio))));
"""


def test_it_is_what_the_standard_library_writes_but_for_the_inf(tmp_path: Path) -> None:
    jobs = [
        {"encoded": LatencyHistogram(data).encoded(), "ticks": ticks, "ratio": ratio, "data": data}
        for data in SAMPLES.values()
        for ticks, ratio in ((5, 1_000_000), (1, 1), (20, 1_000))
    ]
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    done = subprocess.run(
        [toolchain.node(), "-e", WRITE_WITH_JS, tmp_path / "jobs.json"],
        cwd=toolchain.folder(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    for job, theirs in zip(jobs, json.loads(done.stdout), strict=True):
        ours = hgrm.render(
            LatencyHistogram(job["data"]), value_unit_ratio=job["ratio"], ticks_per_half_distance=job["ticks"]
        )
        assert fields(ours.replace(f" {'inf':>14}", "")) == fields(theirs)


def fields(text: str) -> list[list[object]]:
    """Numbers as such: the two languages round the last digit of a half each in its way."""
    return [[number(word) for word in line.replace("]", " ]").split()] for line in text.splitlines()]


def number(word: str) -> object:
    try:
        return pytest.approx(float(word.rstrip(",")), abs=0.0011, rel=1e-9)
    except ValueError:
        return word


def test_the_text_to_the_letter() -> None:
    assert hgrm.render(LatencyHistogram([1_000_000] * 3 + [3_000_000]), ticks_per_half_distance=2) == (
        "       Value     Percentile TotalCount 1/(1-Percentile)\n"
        "\n"
        "       1.000 0.000000000000          3           1.00\n"
        "       1.000 0.250000000000          3           1.33\n"
        "       1.000 0.500000000000          3           2.00\n"
        "       1.000 0.625000000000          3           2.67\n"
        "       1.000 0.750000000000          3           4.00\n"
        "       3.000 0.812500000000          4           5.33\n"
        "       3.000 1.000000000000          4            inf\n"
        "#[Mean    =        1.500, StdDeviation   =        0.866]\n"
        "#[Max     =        3.000, Total count    =            4]\n"
        "#[Buckets =           26, SubBuckets     =         2048]\n"
    )


@given(st.lists(st.integers(LOWEST_NS, HIGHEST_NS), min_size=1, max_size=100), st.integers(1, 20))
def test_lines_rise_to_all_values_and_the_last_one_is_infinitely_far(data: list[int], ticks: int) -> None:
    histogram = LatencyHistogram(data)
    rows = [
        line.split() for line in hgrm.render(histogram, value_unit_ratio=1, ticks_per_half_distance=ticks).split("\n")
    ]
    rows = [row for row in rows[2:] if row and not row[0].startswith("#")]
    for column in range(4):
        found = [float(row[column]) for row in rows]
        assert found == sorted(found)
    assert rows[-1] == [f"{histogram.value_at(1)}.000", "1.000000000000", str(len(data)), "inf"]


@pytest.mark.parametrize(("ratio", "shown"), [(1, "500.000"), (100, "5.000")])
def test_deviation_scales_with_the_unit(ratio: float, shown: str) -> None:
    footer = hgrm.render(LatencyHistogram([1_000, 2_000]), value_unit_ratio=ratio).splitlines()[-3]
    assert footer.endswith(f"StdDeviation   = {shown:>12}]")


def test_counts_far_beyond_what_a_double_tells_apart_end() -> None:
    library = LatencyHistogram([5])
    for _ in range(60):
        library.add(library)
    library.add(LatencyHistogram([9]))
    assert hgrm.render(library, value_unit_ratio=1).count("inf") == 1


def test_an_empty_histogram_has_header_and_footer_only() -> None:
    assert [line[:9] for line in hgrm.render(LatencyHistogram()).splitlines()] == [
        "       Va", "", "#[Mean   ", "#[Max    ", "#[Buckets",
    ]  # fmt: skip


@pytest.mark.parametrize(("ratio", "ticks"), [(0, 5), (-1, 5), (float("nan"), 5), (1, 0)])
def test_a_ratio_or_ticks_that_make_no_sense_are_refused(ratio: float, ticks: int) -> None:
    with pytest.raises(ValueError, match="no distribution"):
        hgrm.render(LatencyHistogram([1]), value_unit_ratio=ratio, ticks_per_half_distance=ticks)
