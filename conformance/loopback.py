"""Ways to write loopback in a URL and to be sent there, and a count of who came that no late connection can escape.

Only loopback: never 0.0.0.0, a link-local, private or public address, nor a name that would have to be looked up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import httpx

from conformance.asking import post
from conformance.origin import Origin, serving
from harness.judging import Judge
from harness.runtime import Instance

IPV6_LOOPBACK = "::1"


def spellings(port: int, *, public: str) -> dict[str, str]:
    """What a spelling plays on, and a URL that means 127.0.0.1 at that port. `public`: an address that may be
    reached."""
    hosts = {
        "plain": "127.0.0.1",
        "decimal": "2130706433",
        "hexadecimal": "0x7f000001",
        "hexadecimal parts": "0x7f.0.0.0x1",
        "octal": "0177.0.0.1",
        "octal of the whole": "017700000001",
        "two parts": "127.1",
        "three parts": "127.0.1",
        "a closing dot": "127.0.0.1.",
        "percent-encoded": "%31%32%37%2e%30%2e%30%2e%31",
        "fullwidth digits": "１２７．０．０．１",  # noqa: RUF001 - the point
        "ideographic full stops": "127。0。0。1",
        "circled digits": "①②⑦.⓪.⓪.①",
        "IPv4 in IPv6": "[::ffff:127.0.0.1]",
        "IPv4 in IPv6, hexadecimal": "[::ffff:7f00:1]",
        "IPv4 in IPv6, long": "[0:0:0:0:0:ffff:7f00:0001]",
        "a name": "localhost",
        "a name in capitals": "LOCALHOST",
    }
    urls = {label: f"http://{host}:{port}/" for label, host in hosts.items()}
    return urls | {
        "a public host as user": f"http://{public}@127.0.0.1:{port}/",
        "a public host as user and password": f"http://{public}:80@127.0.0.1:{port}/",
        "a public host behind the fragment": f"http://127.0.0.1:{port}#@{public}/",
        "backslashes": f"http:\\\\127.0.0.1:{port}\\",
        "a tab and a line feed inside": f"http://127.0.\t0.1\n:{port}/",
        "no slashes": f"http:127.0.0.1:{port}/",
    }


def ipv6_spellings(port: int) -> dict[str, str]:
    """The same for ::1."""
    hosts = {"IPv6": "[::1]", "IPv6, long": "[0:0:0:0:0:0:0:1]", "IPv6, zeros": "[0000::0001]", "a name": "localhost"}
    return {f"{label} at ::1": f"http://{host}:{port}/" for label, host in hosts.items()}


@contextlib.contextmanager
def ipv6_canary() -> Iterator[Origin | None]:
    """A canary on ::1; None where the machine has no such address."""
    with contextlib.ExitStack() as stack:
        try:
            canary = stack.enter_context(serving(IPV6_LOOPBACK))
        except OSError:
            canary = None
        yield canary


def visits(canary: Origin) -> int:
    """How many connections reached the canary before this call.

    Connections are accepted in the order they were made: once our own is answered, every earlier one has been counted.
    Raises `httpx.TransportError` for a canary that answers nobody.
    """
    httpx.get(canary.url("/counted"), trust_env=False, timeout=30.0).raise_for_status()
    ours = canary.targets().count("/counted")
    return canary.connections - ours


_LEFT_AS_IT_IS = "%:/?#[]@!$&'()*+,;=\\"


def redirects(origin: Origin, targets: Mapping[str, str]) -> dict[str, str]:
    """URLs of the origin that redirect to each target, at once and by way of the origin itself."""
    # A Location header holds printable ASCII only.
    locations = {label: quote(url, safe=_LEFT_AS_IT_IS) for label, url in targets.items() if url.isprintable()}
    once = {label: origin.url("/redirect?to=" + quote(url, safe="")) for label, url in locations.items()}
    twice = {f"{label}, twice": origin.url("/redirect?to=" + quote(url, safe="")) for label, url in once.items()}
    return once | twice


def control_reach(judge: Judge, instance: Instance, origin: Origin) -> None:
    """The probe's fetch() works at all and follows redirects, or what it does not reach means nothing."""
    urls = [
        origin.url("/reached"),
        origin.url("/redirect?to=" + quote(origin.url("/led-here"))),
        origin.url("/hops?n=3"),
    ]
    ends = post(instance, "reacher", "/fetch", [{"url": url} for url in urls])
    judge.control(
        {"/reached", "/led-here", "/hops?n=0"} <= set(origin.targets()),
        expected="fetch() to reach a public host, and to follow redirects there",
        saw=ends,
    )
