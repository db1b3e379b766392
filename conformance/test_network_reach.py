"""NET-2, NET-4: fetch(), redirects, names and sockets do not reach what belongs to the platform.

Whether something was reached is read at the target: connections of a canary, requests a neighbour counted. What the
Worker was told is evidence only.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from conformance.asking import ask, post
from conformance.loopback import IPV6_LOOPBACK, control_reach, ipv6_canary, ipv6_spellings, redirects, spellings, visits
from conformance.mark import requirement
from conformance.origin import Origin
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Outbound


@requirement("NET-2")
def test_loopback_is_out_of_reach(
    launch: Launcher, judge: Judge, origin: Origin, canary: Origin, internet: Outbound
) -> None:
    """No spelling of 127.0.0.1 or ::1 in a URL given to fetch() reaches a server of the platform's own machine."""
    instance = launch("reacher", outbound=internet)
    control_reach(judge, instance, origin)
    with ipv6_canary() as canary6:
        urls = spellings(canary.port, public=origin.address)
        if canary6 is not None:
            urls |= ipv6_spellings(canary6.port)
        else:
            judge.saw("left out", f"this machine has no {IPV6_LOOPBACK}")
        _fetch_each(judge, instance, urls)
        reached = {"127.0.0.1": visits(canary), IPV6_LOOPBACK: visits(canary6) if canary6 else 0}
    judge.saw("connections to the canaries", reached)
    judge.promise(not any(reached.values()), expected="no connection to a canary on loopback", saw=reached)


@requirement("NET-2")
def test_neighbours_front_is_out_of_reach(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """No spelling of its address lets a Worker fetch from the port at which another Worker is served."""
    instance = launch("reacher", "auth", outbound=internet)
    control_reach(judge, instance, origin)
    port = urlsplit(instance.url("auth")).port or 0
    _fetch_each(judge, instance, spellings(port, public=origin.address))
    reached = ask(instance, "auth", "/isomark-visits")
    judge.saw("requests that reached the neighbour", reached)
    judge.promise(not reached, expected="no request to the neighbour", saw=f"{len(reached)} requests")


@requirement("NET-2")
def test_own_front_is_out_of_reach(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """A Worker cannot fetch from the port at which it is served itself."""
    instance = launch("reacher", outbound=internet)
    control_reach(judge, instance, origin)
    port = urlsplit(instance.url("reacher")).port or 0
    urls = {label: _at_path(url, "touch") for label, url in spellings(port, public=origin.address).items()}
    _fetch_each(judge, instance, urls)
    touched = ask(instance, "reacher", "/touched")
    judge.promise(touched == 0, expected="no request to its own front", saw=f"{touched} requests")


@requirement("NET-2")
def test_every_method_is_kept_out(
    launch: Launcher, judge: Judge, origin: Origin, canary: Origin, internet: Outbound
) -> None:
    """No method and no header of a fetch(), a Host header that names a public host for one, opens the way to
    loopback."""
    instance = launch("reacher", outbound=internet)
    control_reach(judge, instance, origin)
    headers = [{"host": origin.host}, {"x-forwarded-host": "127.0.0.1"}, {"connection": "upgrade", "upgrade": "h2c"}]
    attempts: list[dict[str, object]] = [
        {"url": canary.url(f"/{method}"), "method": method} for method in ("HEAD", "POST", "OPTIONS", "DELETE", "PATCH")
    ]
    attempts += [{"url": canary.url("/header"), "headers": each} for each in headers]
    judge.saw(
        "what the Worker was told", list(zip(attempts, post(instance, "reacher", "/fetch", attempts), strict=True))
    )
    reached = visits(canary)
    judge.promise(reached == 0, expected="no connection to the canary", saw=f"{reached} connections")


@requirement("NET-4")
def test_redirect_does_not_lead_to_loopback(
    launch: Launcher, judge: Judge, origin: Origin, canary: Origin, internet: Outbound
) -> None:
    """A redirect from a public host, at once or after further redirects, does not take fetch() to loopback."""
    instance = launch("reacher", outbound=internet)
    control_reach(judge, instance, origin)
    urls = redirects(origin, spellings(canary.port, public=origin.address))
    _fetch_each(judge, instance, urls)
    reached = visits(canary)
    judge.saw("connections to the canary", reached)
    judge.promise(reached == 0, expected="no connection to the canary", saw=f"{reached} connections")


@requirement("NET-4")
def test_redirect_does_not_lead_to_the_neighbour(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound
) -> None:
    """A redirect from a public host does not take fetch() to the port at which another Worker is served."""
    instance = launch("reacher", "auth", outbound=internet)
    control_reach(judge, instance, origin)
    port = urlsplit(instance.url("auth")).port or 0
    _fetch_each(judge, instance, redirects(origin, spellings(port, public=origin.address)))
    reached = ask(instance, "auth", "/isomark-visits")
    judge.saw("requests that reached the neighbour", reached)
    judge.promise(not reached, expected="no request to the neighbour", saw=f"{len(reached)} requests")


@requirement("NET-4")
def test_name_does_not_lead_to_loopback(
    launch: Launcher, judge: Judge, origin: Origin, canary: Origin, internet: Outbound
) -> None:
    """A name that resolves to loopback is kept out like the address itself, also behind a redirect."""
    instance = launch("reacher", outbound=internet)
    control_reach(judge, instance, origin)
    with ipv6_canary() as canary6:
        canaries = [canary] + ([canary6] if canary6 else [])
        names = {
            f"{name}:{each.port}": f"http://{name}:{each.port}/"
            for name in ("localhost", "LocalHost")
            for each in canaries
        }
        _fetch_each(judge, instance, names | redirects(origin, names))
        reached = [visits(each) for each in canaries]
    judge.saw("connections to the canaries", reached)
    judge.promise(not any(reached), expected="no connection to a canary", saw=f"{sum(reached)} connections")


@requirement("NET-4")
def test_sockets_do_not_reach_loopback(
    launch: Launcher, judge: Judge, origin: Origin, canary: Origin, internet: Outbound
) -> None:
    """No means of opening a connection but fetch(), be it connect(), a socket module of Node's or a WebSocket, reaches
    loopback."""
    instance = launch("reacher", outbound=internet)
    control_reach(judge, instance, origin)
    judge.saw(
        "the same means to the public host", post(instance, "reacher", "/connect", [(origin.address, origin.port)])
    )
    with ipv6_canary() as canary6:
        targets = [
            (host, canary.port) for host in ("127.0.0.1", "localhost", "2130706433", "127.1", "[::ffff:127.0.0.1]")
        ]
        if canary6 is not None:
            targets += [("[::1]", canary6.port), ("::1", canary6.port)]
        judge.saw("what the Worker was told", post(instance, "reacher", "/connect", targets, deadline_s=240))
        reached = {"127.0.0.1": visits(canary), IPV6_LOOPBACK: visits(canary6) if canary6 else 0}
    judge.saw("connections to the canaries", reached)
    judge.promise(not any(reached.values()), expected="no connection to a canary", saw=reached)


@requirement("NET-4")
def test_sockets_do_not_reach_the_neighbour(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """No means of opening a connection reaches the port at which another Worker is served."""
    instance = launch("reacher", "auth", outbound=internet)
    control_reach(judge, instance, origin)
    port = urlsplit(instance.url("auth")).port or 0
    told = post(instance, "reacher", "/connect", [("127.0.0.1", port), ("localhost", port)], deadline_s=120)
    judge.saw("what the Worker was told", told)
    reached = ask(instance, "auth", "/isomark-visits")
    judge.saw("requests that reached the neighbour", reached)
    judge.promise(not reached, expected="no request to the neighbour", saw=f"{len(reached)} requests")


def _fetch_each(judge: Judge, instance: Instance, urls: dict[str, str]) -> None:
    ends = post(instance, "reacher", "/fetch", [{"url": url} for url in urls.values()])
    judge.saw("what the Worker was told", dict(zip(urls, ends, strict=True)))


def _at_path(url: str, path: str) -> str:
    """The URL with a path; the spelling of the rest stays as odd as it is."""
    before, slash, after = url.partition("#")
    separator = "\\" if url.endswith("\\") else "/"
    return before.rstrip("/\\") + separator + path + slash + after
