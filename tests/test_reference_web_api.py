"""The Web APIs of the reference runtime's isolates: they are what Node's are, and a Worker's patches do not reach them.

The checks themselves are JavaScript, in `web_api/`: each runs in an isolate of its own, most of them in Node too.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import toolchain

MAIN = Path(__file__).parent / "web_api" / "main.mjs"
LONGEST_S = 300
"""A safety deadline: an area takes a second or two."""

AREAS = (
    "clock",
    "encoding",
    "events",
    "url",
    "headers",
    "crypto",
    "blob",
    "structured",
    "webassembly",
    "console",
    "codegen",
    "surface",
    "hardening",
)


def command(area: str) -> list[str]:
    return [str(toolchain.node()), "--no-node-snapshot", str(MAIN), str(toolchain.node_modules()), area]


def printed(area: str) -> Any:
    done = subprocess.run(command(area), capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_every_area_is_run() -> None:
    """No area of the checks is left out here."""
    assert sorted(printed("areas")) == sorted(AREAS)


@pytest.mark.parametrize("area", AREAS)
def test_web_apis_keep_to_their_standards(area: str) -> None:
    """Every check of the area comes to what Node, or the check itself, says."""
    outcome = printed(area)
    failures = [f"{each['name']}: expected {each['expected']}, saw {each['saw']}" for each in outcome["failures"]]
    assert not failures, "\n".join(failures)
    assert outcome["checks"] > 0


class Comparison:
    """URL and URLSearchParams in an isolate beside Node's, in a process that lives as long as the module's tests."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def of(self, cases: list[dict[str, Any]]) -> int:
        """How many of the inputs were taken apart in the isolate; fails where anything differs from Node."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(cases) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer["differences"] == []
        plain: int = answer["plain"]
        return plain


@pytest.fixture(scope="module")
def comparison() -> Iterator[Comparison]:
    with subprocess.Popen(command("urls"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Comparison(process)
        finally:
            process.kill()


def case(url: str, base: str | None = None, *steps: list[str]) -> dict[str, Any]:
    return {"input": url, "base": base, "steps": list(steps)}


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


HOSTS = (
    *(
        "a",
        "example.com",
        "a.b.c-d.e0",
        "localhost",
        "127.0.0.1",
        "255.255.255.255",
        "a.b1",
        "x" * 64,
        "a--b.c",
        "-",
        "a.-1",
    ),
    *(
        "1.2.3.256",
        "0x7f.1",
        "a.1",
        "a.0x",
        "4.com",
        "a.4chan",
        "01.2.3.4",
        "1.2.3",
        "192.168.0.1.",
        "a..b",
        ".a",
        "a.",
        "1",
    ),
    *(
        "A.com",
        "a_b",
        "a%41",
        "\u00e9.com",
        "xn--a",
        "xn--nxasmq6b",
        "[::1]",
        "a b",
        "a@b",
        "u:p@h",
        "*",
        "ab--c.d",
        "",
    ),
)
SEGMENTS = (
    *(
        "",
        "a",
        "b-c_d",
        "...",
        "a.",
        ".a",
        "..a",
        ".well-known",
        "%41",
        "%",
        "%zz",
        "%2",
        "~!$&()+,;=:@",
        "*",
        "x'y",
        "%2ea",
    ),
    *(
        ".",
        "..",
        "%2e",
        "%2E.",
        ".%2e",
        "%2e%2e%2e",
        "...%2e",
        "b c",
        "\u00e9",
        "\u2028",
        "<>",
        '"',
        "`{}",
        "|",
        "^",
        "\\",
    ),
    *("[]", "\ud800", "\U0001f600", "\t", "\n", "a\x00b", "\x7f", "C:", "c|"),
)
QUERIES = (
    *(
        "",
        "?",
        "?a=b",
        "?a=b&c=d&a",
        "?a+b=%20",
        "?a%zz=%F0%9F%98%80",
        "??",
        "?=",
        "?a==b",
        "?[]|{}^",
        "?/:@",
        "?%26=%3d",
    ),
    *("?\u00e9=\u00fc", "?'", '?"<>', "?`\\", "?\ud800", "?\x7f", "?a b", "?%ff&%EF%BB%BF=\ufeff"),
)
FRAGMENTS = ("", "#", "#a", "##", "#{}|^[]'", "#?", "#\u00e9", '#"<>`', "#a b", "#%", "#\x7f", "#\\")
SCHEMES = ("http://", "https://")
OTHER_SCHEMES = (
    *(
        "HTTP://",
        "http:",
        "https:/",
        "http:\\\\",
        "file://",
        "foo://",
        "foo:",
        "data:",
        "ws://",
        "//",
        "",
        "blob:http://",
    ),
    *(" http://", "\thttp://", "mailto:", "javascript:"),
)
PORTS = ("", "", "", ":80", ":443", ":8080", ":0", ":00080", ":65535", ":65536", ":", ":8a", ": 1")

paths = st.lists(st.sampled_from(SEGMENTS), max_size=4).map(lambda segments: "".join("/" + each for each in segments))
tails = joined(paths, st.sampled_from(QUERIES), st.sampled_from(FRAGMENTS))
hosts = st.sampled_from(HOSTS) | st.from_regex(r"[a-z0-9.-]{1,12}", fullmatch=True)
urls = (
    joined(st.sampled_from(SCHEMES) | st.sampled_from(OTHER_SCHEMES), hosts, st.sampled_from(PORTS), tails)
    | joined(st.sampled_from(SCHEMES), st.sampled_from(HOSTS[:11]), tails)
    | st.text(alphabet="ahtps:/?#@.\\ %2e[]1-\u00e9\t'", max_size=14)
)
relatives = tails | st.sampled_from(SEGMENTS) | st.sampled_from(QUERIES) | st.sampled_from(FRAGMENTS)
values = relatives | urls | st.text(max_size=6)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "search",
                "search",
                "hash",
                "hash",
                "pathname",
                "host",
                "hostname",
                "port",
                "protocol",
                "username",
                "password",
            )
        ),
        values,
    )
    | st.tuples(st.sampled_from(("params.append", "params.set", "params.delete")), values, values)
    | st.tuples(st.just("params.sort")),
    max_size=3,
).map(lambda each: [list(step) for step in each])
cases = st.builds(lambda url, base, all_steps: case(url, base, *all_steps), urls, st.none() | urls, steps) | st.builds(
    case, relatives, urls
)


@settings(max_examples=60, deadline=None)
@given(st.lists(cases, min_size=10, max_size=40))
def test_urls_are_what_node_makes_of_them(comparison: Comparison, some: list[dict[str, Any]]) -> None:
    """Parsing, setters and search parameters give exactly what Node's URL gives, whoever takes the URL apart."""
    comparison.of(some)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        joined(
            st.sampled_from(SCHEMES),
            st.sampled_from(HOSTS[:11]),
            st.sampled_from(("", ":8080", ":65535", ":1")),
            st.lists(st.sampled_from(SEGMENTS[:16]), max_size=4).map(lambda some: "".join("/" + each for each in some)),
            st.sampled_from(QUERIES[:12]),
            st.sampled_from(FRAGMENTS[:6]),
        ),
        min_size=20,
        max_size=60,
    )
)
def test_canonical_urls_need_no_host(comparison: Comparison, some: list[str]) -> None:
    """URLs in their canonical form are taken apart in the isolate, each of them, and come out as Node's."""
    assert comparison.of([case(url) for url in some]) == len(some)


@pytest.mark.parametrize(
    "place",
    [
        "http://a{}b.c/",
        "http://a{}/",
        "http://a.b/c{}d",
        "http://a.b/?c{}d",
        "http://a.b/#c{}d",
        "{}http://a/",
        "http://a:8{}/",
    ],
)
def test_every_character_at_every_place(comparison: Comparison, place: str) -> None:
    """No character is taken for plain that Node changes."""
    characters = [chr(code) for code in range(0x180)] + ["\ud800", "\U0001f600", "\u3002", "\uff0e", "\u00ad", "\ufffd"]
    comparison.of([case(place.format(character)) for character in characters])
    comparison.of(
        [
            case("http://a.b/c?d#e", None, [part, f"x{character}y"])
            for character in characters
            for part in ("search", "hash")
        ]
    )
