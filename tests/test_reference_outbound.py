"""What the reference runtime lets a Worker reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.loopback import ipv6_spellings, spellings
from harness.adapters.reference.control.outbound import OutboundRefused, OutboundRules, Route

PUBLIC = "127.64.3.4"
GOOD = {
    f"http://{PUBLIC}/": Route(address=PUBLIC, port=80, target="/", authority=PUBLIC),
    f"http://{PUBLIC}:8080/a/b?c=d%20": Route(
        address=PUBLIC, port=8080, target="/a/b?c=d%20", authority=f"{PUBLIC}:8080"
    ),
    f"http://{PUBLIC}:1": Route(address=PUBLIC, port=1, target="/", authority=f"{PUBLIC}:1"),
    f"http://{PUBLIC}/a?b#c?d": Route(address=PUBLIC, port=80, target="/a?b", authority=PUBLIC),
    f"http://{PUBLIC}/#@127.0.0.1/": Route(address=PUBLIC, port=80, target="/", authority=PUBLIC),
    f"http://{PUBLIC}//evil@x:1/..": Route(address=PUBLIC, port=80, target="//evil@x:1/..", authority=PUBLIC),
    "http://[::1]:81/x": Route(address="::1", port=81, target="/x", authority="[::1]:81"),
}
NOT_CANONICAL = (
    *("", "/", "http:", "http://", "http:///", f"//{PUBLIC}/", f"http:{PUBLIC}/", f"http:\\\\{PUBLIC}\\"),
    *(f"HTTP://{PUBLIC}/", f"ftp://{PUBLIC}/", f"ws://{PUBLIC}/", f"http://{PUBLIC}:/", f"http://{PUBLIC}:080/"),
    *(f"http://{PUBLIC}:80/", f"http://{PUBLIC}:0/", f"http://{PUBLIC}:65536/", f"http://{PUBLIC}:-1/"),
    *(f"http://a@{PUBLIC}/", f"http://a:b@{PUBLIC}/", f"http://{PUBLIC}@127.0.0.1/", f"http://@{PUBLIC}/"),
    *(
        f" http://{PUBLIC}/",
        f"http://{PUBLIC}/ ",
        f"http://{PUBLIC}/\r\nx: y",
        f"http://{PUBLIC}\n/",
        f"http://{PUBLIC}/\n",
    ),
    *(
        f"http://{PUBLIC}/\u00e9",
        f"http://{PUBLIC}\0/",
        f"http://{PUBLIC}?a",
        f"http://{PUBLIC}#a",
        f"http://{PUBLIC}\\a",
    ),
    *("http://127.64.3.04/", "http://127.64.772/", "http://2134901508/", "http://0x7f400304/", "http://127.64.3.4./"),
    *(
        "http://[::1/",
        "http://::1/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::0001]/",
        "http://[::1%25lo]/",
        "http://[]/",
    ),
    *("http://[::ffff:127.64.3.4]/", "http://[::FFFF:1:1]/", "http://[127.64.3.4]/", "http://\uff11.2.3.4/"),
    *(
        "http://Name/",
        "http://na me/",
        "http://na%6de/",
        "http://.name/",
        "http://na..me/",
        "http://a.0x7f/",
        "http://1/",
    ),
    "http://" + "a" * 300 + "/",
)
OUT_OF_REACH = (
    *("http://127.64.3.5/", "http://127.0.0.1/", "http://0.0.0.0/", "http://[::]/", "http://[::ffff:7f40:304]/"),
    *(
        "http://localhost/",
        "http://name/",
        "http://name.example:81/a",
        "http://127.64.3.4.nip.example/",
        "http://auth./",
    ),
    *("http://169.254.169.254/", "http://192.0.2.1/", "http://[::ffff:0:1]/", f"https://{PUBLIC}/", "https://name/"),
)


@pytest.mark.parametrize("url", GOOD)
def test_public_address_is_reached(url: str) -> None:
    rules = OutboundRules(public=[PUBLIC, "::1"])
    assert rules.route(url) == GOOD[url]
    rules.check_hop(url)


@pytest.mark.parametrize("url", NOT_CANONICAL)
def test_url_that_is_not_canonical_is_refused(url: str) -> None:
    for rules in (OutboundRules(public=[PUBLIC, "::1", "127.0.0.1"]), OutboundRules(gateway="127.0.0.1:9")):
        with pytest.raises(OutboundRefused):
            rules.route(url)
        with pytest.raises(OutboundRefused):
            rules.check_hop(url)


@pytest.mark.parametrize("url", OUT_OF_REACH)
def test_everything_else_is_out_of_reach(url: str) -> None:
    rules = OutboundRules(public=[PUBLIC])
    with pytest.raises(OutboundRefused):
        rules.route(url)
    with pytest.raises(OutboundRefused):
        rules.check_hop(url)


def test_no_spelling_of_loopback_is_reached() -> None:
    rules = OutboundRules(public=[PUBLIC])
    for url in (spellings(8080, public=PUBLIC) | ipv6_spellings(8080)).values():
        with pytest.raises(OutboundRefused):
            rules.route(url)


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("http://auth/to-1", "auth", "/to-1"),
        ("https://auth.example.workers.dev/a?b", "auth.example.workers.dev", "/a?b"),
        ("https://name:80/", "name:80", "/"),
        ("http://127.0.0.1:5/", "127.0.0.1:5", "/"),
        ("http://[::1]/", "[::1]", "/"),
    ],
)
def test_gateway_gets_everything(url: str, authority: str, target: str) -> None:
    rules = OutboundRules(public=[PUBLIC], gateway="127.9.9.9:1234")
    assert rules.route(url) == Route(address="127.9.9.9", port=1234, target=target, authority=authority)


def test_gateway_is_an_address() -> None:
    for gateway in ("localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0", ":80"):
        with pytest.raises(ValueError):  # noqa: PT011 - any
            OutboundRules(gateway=gateway)
    assert OutboundRules(gateway="[::1]:80").route("http://a/").address == "::1"


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="0123456789abcdefx.:/[]@#?%\\-", max_size=30).map("http://".__add__),
        st.tuples(st.ip_addresses(), st.integers(-1, 70_000), st.text(max_size=8)).map(
            lambda parts: f"http://{parts[0]}:{parts[1]}/{parts[2]}"
        ),
        st.lists(st.sampled_from([PUBLIC, "127.0.0.1", "@", ":80", "#", "/", "\\", "[", "]", "::1", "?", "%2e"])).map(
            lambda parts: "http://" + "".join(parts)
        ),
    )
)
def test_junk_reaches_nothing_but_what_is_public(url: str) -> None:
    rules = OutboundRules(public=[PUBLIC])
    try:
        route = rules.route(url)
    except OutboundRefused:
        return
    assert route.address == PUBLIC
    assert url.startswith(f"http://{route.authority}")
    assert route.authority in (PUBLIC, f"{PUBLIC}:{route.port}")
    assert route.target.startswith("/")
    assert route.target.isascii()
    assert route.target.isprintable()
    assert " " not in route.target


def test_rules_can_be_weakened_at_their_points() -> None:
    class Weak(OutboundRules):
        def is_public(self, address: str) -> bool:
            return True

    assert Weak().route("http://127.0.0.1:9/").address == "127.0.0.1"
    with pytest.raises(OutboundRefused):
        Weak().route("http://localhost/")
