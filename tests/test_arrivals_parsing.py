"""Schedules as a command line and a file have them: what is meant is taken, the rest gets a message that helps."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from loadgen.arrivals import Burst, Constant, Poisson, Ramp, Schedule, Steps, Trace, parse, read_trace

MS = 1_000_000


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("constant:1000/s", Constant(1000, 7)),
        ("constant:60k/s,duration=5min", Constant(60_000, 300)),
        (" constant:1.5/s ", Constant(1.5, 7)),
        ("constant:30/min", Constant(0.5, 7)),
        ("poisson:500/s,seed=3", Poisson(500, 7, 3)),
        ("poisson:500/s, seed=3, duration=250ms", Poisson(500, 0.25, 3)),
        ("ramp:100..1000/s", Ramp(100, 1000, 7)),
        ("ramp:1k..0/s", Ramp(1000, 0, 7)),
        ("steps:100x10s,500x10s", Steps(((100, 10), (500, 10)))),
        ("steps:1k/sx1min, 0x1s", Steps(((1000, 60), (0, 1)))),
        ("burst:50/1s", Burst(50, 1, 7)),
        ("burst:50/s,base=100/s", Burst(50, 1, 7, 100)),
        ("burst:50/250ms", Burst(50, 0.25, 7)),
    ],
)
def test_a_schedule_is_parsed(text: str, schedule: Schedule) -> None:
    assert parse(text, duration_s=7) == schedule


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("constnt:1/s", "did you mean 'constant'"),
        ("constant", "no schedule"),
        ("", "no schedule"),
        ("constant:1000", "'1000' is no rate"),
        ("constant:-5/s", "no rate"),
        ("constant:0/s", "out of range"),
        ("constant:1/h", "no rate"),
        ("poisson:500/s,sed=3", "did you mean 'seed'"),
        ("poisson:500/s,seed=x", "seed"),
        ("constant:5/s,duration=5", "'5' is no duration"),
        ("constant:5/s,duration", "no option"),
        ("ramp:100/s", "no ramp schedule"),
        ("ramp:1..2", "no ramp schedule"),
        ("steps:100", "no steps schedule"),
        ("steps:100x10s,", "no steps schedule"),
        ("burst:50", "no burst schedule"),
        ("burst:many/s", "no burst schedule"),
        ("trace:", "cannot be read"),
        ("trace:/no/such/file", "cannot be read"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse(text, duration_s=7)


def test_a_schedule_without_a_duration_is_refused() -> None:
    with pytest.raises(UsageError, match="without a duration"):
        parse("constant:1/s")


@given(st.text(max_size=30), st.sampled_from(["", "constant:", "poisson:", "ramp:", "steps:", "burst:"]))
def test_any_text_is_a_schedule_or_a_usage_error(text: str, kind: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse(kind + text, duration_s=1).duration_ns > 0


def write(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "0\n0.001\n0.001\n2e-3\n",
        "0\r\n0.001\r\n0.001\r\n0.002",
        "time_s\n0\n0.001\n0.001\n0.002\n",
        "\ufeffname,time_s\na,0\nb,0.001\nc,0.001\n\nd,0.002\n",
        "0,x\n0.001,y\n0.001,z\n0.002,\n",
    ],
)
def test_a_trace_is_read(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert read_trace(path) == Trace((0, MS, MS, 2 * MS)) == parse(f"trace:{path}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0\nx\n", "line 2: 'x'"),
        ("0\n1\n0.5\n", "line 3: 0.5"),
        ("-1\n", "line 1: -1"),
        ("0\nnan\n", "line 2: 'nan'"),
        ("0\ninf\n", "line 2: 'inf'"),
        ("0\n1e9\n", "line 2: 1e9"),
        ("time_ms\n0\n", "line 1: no column time_s.*\n.*\n.*did you mean 'time_ms'"),
        ("a,time_s\nx,0\ny\n", "line 3: only 1 columns"),
        ("", "no arrivals"),
        ("time_s\n", "no arrivals"),
        ('0\n"1\n', "line 2: unexpected end"),
    ],
)
def test_a_damaged_trace_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_trace(write(tmp_path, text))


def test_a_trace_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"0\n\xff\xfe\n")
    with pytest.raises(UsageError, match="no CSV file"):
        read_trace(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_trace(tmp_path)


def test_a_trace_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.arrivals.trace.MOST_ARRIVALS", 3)
    with pytest.raises(UsageError, match="too long"):
        read_trace(write(tmp_path, "0\n1\n2\n3\n"))
