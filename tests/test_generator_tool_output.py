"""The output of each tool that the generator is compared with, as those tools printed it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import IsomarkError
from loadgen.generator_benchmark import tool_output
from loadgen.generator_benchmark.open_loop import outcome_of
from loadgen.generator_benchmark.tool_output import Outcome
from loadgen.generator_benchmark.watching import ToolBroken

WRK = """\
Running 2s test @ http://127.0.0.1:44085/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.64ms    4.37ms  28.69ms   87.51%
    Req/Sec    20.61k     6.43k   28.35k    50.00%
  Latency Distribution
     50%    1.04ms
     75%    5.93ms
     90%    8.95ms
     99%   20.98ms
  42014 requests in 2.06s, 6.13MB read
Requests/sec:  20399.65
Transfer/sec:      2.98MB
"""
WRK_WITH_ERRORS = WRK.replace(
    "Requests/sec",
    "  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 14\nRequests/sec",
)
WRK_REFUSED = "unable to connect to 127.0.0.1:32823 Connection refused\n"

H2LOAD = """\
starting benchmark...
spawning thread #0: 64 total client(s). Timing-based test with 0s of warm-up time and 2s of main duration.
progress: 9% of clients started
Application protocol: http/1.1

finished in 2.01s, 19421.00 req/s, 2.83MB/s
requests: 38842 total, 38906 started, 38842 done, 38842 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 38842 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 5.67MB (5942826) total, 3.78MB (3967698) headers (space savings 0.00%), 455.85KB (466788) data
                     min         max         mean         sd        +/- sd
time for request:      420us     33.54ms      3.28ms      3.57ms    86.46%
"""
H2LOAD_NOT_FOUND = """\
requests: 20986 total, 20990 started, 20986 done, 6 succeeded, 20980 failed, 0 errored, 0 timeout
status codes: 4 2xx, 2 3xx, 20980 4xx, 0 5xx
"""
H2LOAD_REFUSED = """\
requests: 10 total, 0 started, 0 done, 0 succeeded, 10 failed, 10 errored, 0 timeout
status codes: 0 2xx, 0 3xx, 0 4xx, 0 5xx
"""


@pytest.mark.parametrize(
    ("read", "text", "requests", "errors"),
    [
        (tool_output.wrk, WRK, 42_014, 0),
        (tool_output.wrk, WRK_WITH_ERRORS, 42_000, 14 + 4_321),
        (tool_output.h2load, H2LOAD, 38_842, 0),
        (tool_output.h2load, H2LOAD_NOT_FOUND, 4, 20_982),
        (tool_output.h2load, H2LOAD_REFUSED, 0, 10),
        (tool_output.json_line, 'noise\n{"requests": 7, "errors": 2}\nmore {noise}\n', 7, 2),
        (tool_output.json_line, '{"requests": 1, "errors": 0}\n{not json\n', 1, 0),
    ],
)
def test_counts_of_right_and_wrong_answers(
    read: Callable[[str], Outcome], text: str, requests: int, errors: int
) -> None:
    assert read(text) == Outcome(requests=requests, errors=errors)


@pytest.mark.parametrize(
    ("shown", "expected_us"), [("64.00us", 64), ("1.04ms", 1_040), ("2.50s", 2_500_000), ("1.00m", 60_000_000)]
)
def test_the_median_of_wrk_in_any_unit(shown: str, expected_us: float) -> None:
    assert tool_output.wrk_median_us(WRK.replace("1.04ms", shown)) == pytest.approx(expected_us)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (tool_output.wrk, WRK_REFUSED),
        (tool_output.wrk, ""),
        (tool_output.wrk, H2LOAD),
        (tool_output.wrk_median_us, WRK.replace("50%", "51%")),
        (tool_output.h2load, WRK),
        (tool_output.h2load, H2LOAD.partition("status codes")[0]),
        (tool_output.json_line, ""),
        (tool_output.json_line, "{broken\n"),
        (tool_output.json_line, '{"requests": 7}\n'),
        (tool_output.json_line, '{"requests": "many", "errors": null}\n'),
    ],
)
def test_what_is_no_result_is_an_error_that_shows_it(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(IsomarkError, match="no result that can be read") as caught:
        read(text)
    assert text.strip()[-10:] in str(caught.value)


@pytest.mark.parametrize("text", ["", "Traceback (most recent call last):\n  oops", '{"requests": 1}'])
def test_a_generator_that_gives_no_result_is_broken(text: str) -> None:
    with pytest.raises(ToolBroken, match="gave no result"):
        outcome_of(text)
