"""NET-1, NET-3: a bound service is reached through its binding and in no other way, and the binding leads nowhere
else."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from conformance.asking import ask, post
from conformance.loopback import control_reach, redirects, spellings, visits
from conformance.mark import requirement
from conformance.origin import Origin
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Outbound

NAMES = (
    *("auth", "AUTH", "Auth", "auth.", "auth:80", "auth:8080", "auth:8787"),
    *("user@auth", "reacher.auth", "auth.reacher", "worker:auth"),
    *("service:auth", "binding:AUTH", "env.AUTH", "bindings", "internal", "platform"),
    *(
        "auth.internal",
        "auth.local",
        "auth.localhost",
        "auth.svc.cluster.local",
        "auth.workers.dev",
        "auth.example.workers.dev",
    ),
)
"""What a platform might take for the Worker `auth`, bound as AUTH. Used behind a gateway only: never looked up."""


@requirement("NET-1")
def test_names_lead_to_the_internet(launch: Launcher, judge: Judge, origin: Origin) -> None:
    """A URL whose host is the name of a bound service or of the binding, with any ending or port, goes out to the
    internet like any other URL and never to the service."""
    instance = launch("reacher", "auth", env="bound", outbound=Outbound(gateway=origin.host))
    urls = {name: f"http://{name}/to-{index}" for index, name in enumerate(NAMES)}
    _control_gateway(judge, instance, origin)
    told = dict(zip(urls, post(instance, "reacher", "/fetch", [{"url": url} for url in urls.values()]), strict=True))
    judge.saw("what the Worker was told", told)
    arrived = set(origin.targets())
    # A URL that the runtime does not take at all leads nowhere; every other one must have arrived outside.
    elsewhere = [name for index, name in enumerate(NAMES) if f"/to-{index}" not in arrived and "status" in told[name]]
    judge.saw("answered without arriving outside", elsewhere)
    _judge_unreached(judge, instance, elsewhere)


@requirement("NET-1")
def test_host_header_does_not_lead_to_the_service(launch: Launcher, judge: Judge, origin: Origin) -> None:
    """A Host header, or one of its relatives, that names the bound service does not turn a fetch() of a public URL
    to it."""
    instance = launch("reacher", "auth", env="bound", outbound=Outbound(gateway=origin.host))
    headers = ("host", "x-forwarded-host", "x-original-host", "cf-worker", "forwarded")
    attempts = [
        {"url": f"http://public.example/{header}-{value}", "headers": {header: value}}
        for header in headers
        for value in ("auth", "AUTH", "auth.workers.dev")
    ]
    _control_gateway(judge, instance, origin)
    told = post(instance, "reacher", "/fetch", attempts)
    judge.saw("what the Worker was told", list(zip(attempts, told, strict=True)))
    arrived = set(origin.targets())
    elsewhere = [
        str(attempt["url"])
        for attempt, end in zip(attempts, told, strict=True)
        if "status" in end and urlsplit(str(attempt["url"])).path not in arrived
    ]
    _judge_unreached(judge, instance, elsewhere)


@requirement("NET-1")
def test_spellings_of_loopback_do_not_lead_to_the_service(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound
) -> None:
    """No spelling of loopback with the bound service's own port reaches it by fetch()."""
    instance = launch("reacher", "auth", env="bound", outbound=internet)
    control_reach(judge, instance, origin)
    port = urlsplit(instance.url("auth")).port or 0
    urls = spellings(port, public=origin.address)
    told = post(instance, "reacher", "/fetch", [{"url": url} for url in urls.values()])
    judge.saw("what the Worker was told", dict(zip(urls, told, strict=True)))
    _judge_unreached(judge, instance, [])


@requirement("NET-1")
def test_redirect_does_not_lead_to_the_service(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound
) -> None:
    """A redirect to the bound service, by the spelling of its address, does not take fetch() there."""
    instance = launch("reacher", "auth", env="bound", outbound=internet)
    control_reach(judge, instance, origin)
    port = urlsplit(instance.url("auth")).port or 0
    urls = redirects(origin, spellings(port, public=origin.address))
    before = origin.targets()
    told = post(instance, "reacher", "/fetch", [{"url": url} for url in urls.values()])
    judge.saw("what the Worker was told", dict(zip(urls, told, strict=True)))
    asked = len(origin.targets()) - len(before)
    judge.control(
        asked >= len(urls), expected="every redirect to be asked for", saw=f"{asked} requests, {len(urls)} URLs"
    )
    _judge_unreached(judge, instance, [])


@requirement("NET-3")
def test_url_of_a_bound_fetch_is_data(
    launch: Launcher, judge: Judge, origin: Origin, canary: Origin, internet: Outbound
) -> None:
    """env.X.fetch() with the URL of a public host, of loopback, of another port or of another Worker goes to X,
    which gets that very URL; nothing else is contacted."""
    instance = launch("reacher", "auth", "neighbour", env="bound", outbound=internet)
    control_reach(judge, instance, origin)
    others = ("reacher", "auth", "neighbour")
    urls = [origin.url("/a?b=c"), canary.url("/a"), f"https://{canary.host}/", f"http://localhost:{canary.port}/"]
    urls += [f"{instance.url(worker)}/from-{worker}" for worker in others]
    urls += ["http://neighbour/", "http://reacher/", "https://nowhere.invalid:8443/deep/path?and=query", "http://auth/"]
    before = len(origin.hits)
    answers = post(instance, "reacher", "/bound", [{"url": url} for url in urls])
    judge.saw("what the binding answered", dict(zip(urls, answers, strict=True)))
    got = [visit["url"] for visit in ask(instance, "auth", "/isomark-visits")]
    judge.saw("URLs that X got", got)
    contacted = {"the public host": len(origin.hits) - before, "the canary": visits(canary)}
    served = ask(instance, "neighbour", "/")["served"]
    contacted["another Worker"] = served - 1
    judge.saw("contacted besides", contacted)
    judge.promise(
        sorted(got) == sorted(urls) and not any(contacted.values()),
        expected="X to get every URL as it was given, and nobody else to be contacted",
        saw={"missing": sorted(set(urls) - set(got)), "unasked": sorted(set(got) - set(urls)), "contacted": contacted},
    )


@requirement("NET-3")
def test_redirect_of_a_bound_fetch_stays_with_the_service(
    launch: Launcher, judge: Judge, canary: Origin, origin: Origin, internet: Outbound
) -> None:
    """When X answers env.X.fetch() with a redirect, following it asks X again and nobody else."""
    instance = launch("reacher", "auth", env="bound", outbound=internet)
    control_reach(judge, instance, origin)
    before = len(origin.hits)
    urls = ["http://auth/?redirect-to=" + quote(target, safe="") for target in (canary.url("/led"), origin.url("/led"))]
    judge.saw("what the binding answered", post(instance, "reacher", "/bound", [{"url": url} for url in urls]))
    got = [visit["url"] for visit in ask(instance, "auth", "/isomark-visits")]
    judge.saw("URLs that X got", got)
    judge.control(set(urls) <= set(got), expected="X to have been asked, and to have redirected", saw=got)
    contacted = {"the canary": visits(canary), "the public host": len(origin.hits) - before}
    judge.promise(not any(contacted.values()), expected="nobody but X to be contacted", saw=contacted)


@requirement("NET-3")
def test_connect_of_a_binding_stays_with_the_service(
    launch: Launcher, judge: Judge, origin: Origin, canary: Origin, internet: Outbound
) -> None:
    """connect() of a service binding, given an address on loopback, opens no connection there."""
    instance = launch("reacher", "auth", env="bound", outbound=internet)
    control_reach(judge, instance, origin)
    told = post(instance, "reacher", "/connect-bound", [("127.0.0.1", canary.port), ("localhost", canary.port)])
    judge.saw("what the Worker was told", told)
    reached = visits(canary)
    judge.promise(reached == 0, expected="no connection to the canary", saw=f"{reached} connections")


def _control_gateway(judge: Judge, instance: Instance, origin: Origin) -> None:
    """A URL of no special name goes out to the stand-in for the internet."""
    end = post(instance, "reacher", "/fetch", [{"url": "http://public.example/plain"}])[0]
    judge.control("/plain" in origin.targets(), expected="fetch() to reach the internet's stand-in", saw=end)


def _judge_unreached(judge: Judge, instance: Instance, elsewhere: list[str]) -> None:
    """The service counted nothing so far; through its binding it is reached, and counts that."""
    reached = ask(instance, "auth", "/isomark-visits")
    judge.saw("requests that reached the service", reached)
    bound = post(instance, "reacher", "/bound", [{"url": "http://auth/by-binding"}])
    counted = [visit["url"] for visit in ask(instance, "auth", "/isomark-visits")]
    judge.control("http://auth/by-binding" in counted, expected="the binding to reach the service", saw=bound)
    judge.promise(
        not reached and not elsewhere,
        expected="no request to the service but through its binding",
        saw={"requests": reached, "answered without arriving outside": elsewhere},
    )
