"""Histogram logs: what is written is what readers that are not ours read."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from hdrh.log import HistogramLogReader

from harness import toolchain
from harness.errors import ReportFileError
from harness.histograms import hlog
from harness.histograms.histogram import HIGHEST_NS, LOWEST_NS, LatencyHistogram

STARTED_S = 1_770_000_000.25

LAUNCHES = ([3_912_345, 4_000_000, 5_300_000], [250_000] * 40 + [61_000_000], [1, 59_999_999_999])


READ_WITH_JS = """
const { HistogramLogReader } = require("hdr-histogram-js");
const reader = new HistogramLogReader(require("fs").readFileSync(process.argv[1], "utf8"));
const found = [];
for (let each; (each = reader.nextIntervalHistogram()); )
  found.push({ tag: each.tag, count: each.totalCount, start_ms: each.startTimeStampMsec, end_ms: each.endTimeStampMsec,
               p50: each.getValueAtPercentile(50), max: each.maxValue });
console.log(JSON.stringify(found));
"""


def rendered() -> str:
    intervals = [
        hlog.Interval(start_s=index * 2.0, length_s=1.5, histogram=LatencyHistogram(samples))
        for index, samples in enumerate(LAUNCHES)
    ]
    return hlog.render("cold-start/isolate", intervals, started_epoch_s=STARTED_S)


def read_with_js(path: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [toolchain.node(), "-e", READ_WITH_JS, path],
        cwd=readers(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def lines() -> list[list[str]]:
    return [line.split(",") for line in rendered().splitlines() if line.startswith("Tag=")]


def test_the_head_is_that_of_the_standard_tools() -> None:
    text = rendered().splitlines()
    assert "#[Histogram log format version 1.3]" in text
    assert "#[StartTime: 1770000000.250 (seconds since epoch), Mon Feb 02 02:40:00 UTC 2026]" in text
    assert text[5] == '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def test_one_line_per_launch_with_its_maximum_in_milliseconds() -> None:
    assert [line[:3] for line in lines()] == [
        ["Tag=cold-start/isolate", "0.000", "1.500"],
        ["Tag=cold-start/isolate", "2.000", "1.500"],
        ["Tag=cold-start/isolate", "4.000", "1.500"],
    ]
    assert [float(line[3]) for line in lines()] == pytest.approx([5.3, 61.0, 60_000], rel=1e-3)


def test_launches_without_a_sample_have_no_line() -> None:
    nothing = hlog.Interval(start_s=0, length_s=1, histogram=LatencyHistogram())
    assert "Tag=" not in hlog.render("warm/runtime", [nothing], started_epoch_s=STARTED_S)


@pytest.mark.parametrize("tag", ["a,b", "a b", "a\nb"])
def test_a_tag_that_would_break_the_line_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="cannot be a tag"):
        hlog.render(tag, [], started_epoch_s=STARTED_S)


def test_the_payload_follows_the_specification_of_v2() -> None:
    """Decoded here from the format's description: a header, then ZigZag LEB128 counts, negative for runs of zeros."""
    for line, samples in zip(lines(), LAUNCHES, strict=True):
        packed = base64.b64decode(line[4])
        cookie, length = struct.unpack(">ii", packed[:8])
        assert (cookie & ~0xF0, length) == (0x1C849304, len(packed) - 8)
        raw = zlib.decompress(packed[8:])
        cookie, size, offset, digits, lowest, highest, _ratio = struct.unpack(">iiiiqqd", raw[:40])
        assert (cookie & ~0xF0, size, offset, digits) == (0x1C849303, len(raw) - 40, 0, 3)
        assert (lowest, highest) == (LOWEST_NS, HIGHEST_NS)
        assert decode_counts(raw[40:]) == LatencyHistogram(samples).by_slot()


def test_hdrhistogram_for_python_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "x.hlog"
    path.write_text(rendered())
    reader = HistogramLogReader(str(path), HdrReference())
    found = []
    while (each := reader.get_next_interval_histogram()) is not None:
        found.append((each.get_tag(), each.get_total_count(), each.get_start_time_stamp()))
    reader.close()
    assert found == [
        ("cold-start/isolate", len(samples), (STARTED_S + index * 2) * 1000) for index, samples in enumerate(LAUNCHES)
    ]


def test_hdrhistogram_for_javascript_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "x.hlog"
    path.write_text(rendered())
    for index, (found, samples) in enumerate(zip(read_with_js(path), LAUNCHES, strict=True)):
        ours = LatencyHistogram(samples)
        assert (found["tag"], found["count"]) == ("cold-start/isolate", len(samples))
        assert (found["p50"], found["max"]) == (ours.value_at(0.5), ours.value_at(1))
        assert found["start_ms"] == pytest.approx((STARTED_S + index * 2) * 1000, abs=1)
        assert found["end_ms"] == pytest.approx((STARTED_S + index * 2 + 1.5) * 1000, abs=1)


SERIES = {
    "warm": [
        hlog.Interval(start_s=second, length_s=1, histogram=LatencyHistogram([250_000 + second] * 30))
        for second in range(3)
    ],
    "cold": [hlog.Interval(start_s=0.5, length_s=2, histogram=LatencyHistogram([4_000_000] * 5))],
    "": [hlog.Interval(start_s=9, length_s=1, histogram=LatencyHistogram([77]))],
}


def flat(series: dict[str, list[hlog.Interval]]) -> dict[str, list[tuple[float, float, dict[int, int]]]]:
    return {
        tag: [(each.start_s, each.length_s, dict(each.histogram.by_slot())) for each in intervals]
        for tag, intervals in series.items()
    }


def test_several_tags_and_intervals_come_back_as_they_were() -> None:
    text = hlog.render_series(SERIES, started_epoch_s=STARTED_S)
    assert flat(hlog.read(text)) == flat(SERIES)


def test_lines_stand_in_the_order_of_time_whatever_their_tag() -> None:
    found = [line.split(",")[0] for line in hlog.render_series(SERIES, started_epoch_s=STARTED_S).splitlines()[6:]]
    assert found == ["Tag=warm", "Tag=cold", "Tag=warm", "Tag=warm", "9.000"]


def test_hdrhistogram_for_javascript_reads_several_tags(tmp_path: Path) -> None:
    path = tmp_path / "x.hlog"
    path.write_text(hlog.render_series(SERIES, started_epoch_s=STARTED_S))
    found = read_with_js(path)
    assert [(each.get("tag"), each["count"]) for each in found] == [
        ("warm", 30),
        ("cold", 5),
        ("warm", 30),
        ("warm", 30),
        # Its parser looks for the tag of the line before in a line without one; the histogram is right all the same.
        (found[-1].get("tag"), 1),
    ]


@pytest.mark.parametrize(
    ("head", "stamp", "expected"),
    [
        ("#[StartTime: 1000.000 (seconds since epoch), x]\n#[BaseTime: 1000.000 (seconds since epoch)]\n", 2.5, 2.5),
        ("#[StartTime: 1700000000.000 (seconds since epoch), x]\n", 2.5, 2.5),
        ("#[StartTime: 1700000000.000 (seconds since epoch), x]\n", 1700000002.5, 2.5),
        ("#[StartTime: 1700000001.000 (s)]\n#[BaseTime: 1700000000.000 (s)]\n", 2.5, 1.5),
        ("", 1700000002.5, 0),
        ("", 2.5, 0),
    ],
)
def test_times_are_since_the_start_whether_the_log_has_offsets_or_dates(
    head: str, stamp: float, expected: float
) -> None:
    [found] = hlog.read(f"{head}{stamp},1.000,0.1,{LatencyHistogram([9]).encoded()}\r\n")[""]
    assert found.start_s == pytest.approx(expected)


WHOLE = LatencyHistogram([9]).encoded()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hello", "line 2 of the histogram log has 1 field"),
        ("Tag=a,1,2,3,4,5", "line 2 of the histogram log has 5 fields"),
        (f"Tag=a,x,1,1,{WHOLE}", "line 2 of the histogram log has 'x' for a number"),
        (f"Tag=a,1,nan,1,{WHOLE}", "line 2 of the histogram log has 'nan'"),
        (f"Tag=a,1,-1,1,{WHOLE}", "negative length"),
        (f"Tag=a,1,1,1,{WHOLE[:-8]}", "line 2 of the histogram log holds a histogram that cannot be read"),
        (f"Tag=a,1,1,1,{WHOLE[:20]}????{WHOLE[24:]}", "not base64"),
        ("Tag=a", "line 2 of the histogram log has 1 field"),
        ("#[StartTime: 1.2.3 (seconds since epoch)]", "line 2: StartTime has"),
    ],
)
def test_a_damaged_log_is_refused_with_the_line(line: str, reason: str) -> None:
    with pytest.raises(ReportFileError, match=reason):
        hlog.read(f"#[Histogram log format version 1.3]\n{line}\n")


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_text_without_a_line_of_a_log_is_refused(text: str) -> None:
    with pytest.raises(ReportFileError, match="no histogram log"):
        hlog.read(text)


def test_a_log_of_nothing_is_empty() -> None:
    assert hlog.read(hlog.render_series({}, started_epoch_s=STARTED_S)) == {}


def test_workers_that_ran_beside_each_other_make_one_series() -> None:
    workers = [
        [
            hlog.Interval(start_s=second + shift, length_s=1, histogram=LatencyHistogram([1000 * (second + 1)] * 4))
            for second in range(3)
        ]
        for shift in (0, 0.25, -0.0001)
    ]
    found = hlog.merged(workers, every_s=1)
    assert [len(each.histogram) for each in found] == [12, 12, 12]
    assert [each.start_s for each in found] == pytest.approx([0, 1, 2], abs=0.001)
    assert [each.start_s + each.length_s for each in found] == pytest.approx([1.25, 2.25, 3.25], abs=0.001)
    [whole] = hlog.merged(workers, every_s=float("inf"))
    assert (len(whole.histogram), whole.length_s) == (36, pytest.approx(3.25, abs=0.001))


def test_intervals_of_no_length_cannot_be_merged() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        hlog.merged([], every_s=0)


def HdrReference() -> object:
    from hdrh.histogram import HdrHistogram

    return HdrHistogram(LOWEST_NS, HIGHEST_NS, 3)


def decode_counts(raw: bytes) -> dict[int, int]:
    """Count by the lowest value of each slot."""
    found: dict[int, int] = {}
    place = index = 0
    while place < len(raw):
        word = shift = 0
        while True:
            byte = raw[place]
            place += 1
            word |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        count = (word >> 1) ^ -(word & 1)
        if count < 0:
            index -= count
            continue
        bucket, sub = (index // 1024 - 1, index % 1024 + 1024) if index >= 2048 else (0, index)
        found[sub << bucket] = count
        index += 1
    return found


def readers() -> Path:
    """The folder with the independent readers: `make setup` brings them."""
    return toolchain.folder()
