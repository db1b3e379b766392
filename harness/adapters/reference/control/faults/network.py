"""Faults of what fetch() reaches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.adapters.reference.control.capabilities import Answer, Call, Capability
from harness.adapters.reference.control.capabilities.service import ServiceCapability
from harness.adapters.reference.control.faults.switches import Switch, around_calls
from harness.adapters.reference.control.outbound import Route

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System


def _bound_service_by_url(system: System) -> None:
    """A URL whose host is a Worker's name goes to that Worker."""
    plain = system.rules.route

    def route(url: str) -> Route:
        name = (urlsplit(url).hostname or "").rstrip(".")
        port = system.ports.get(name)
        if port is None:
            return plain(url)
        parts = urlsplit(url)
        return Route(address="127.0.0.1", port=port, target=parts.path or "/", authority=parts.netloc)

    system.rules.route = route  # type: ignore[method-assign]


_SAY_THE_HOST = frozenset(("host", "x-forwarded-host", "x-original-host"))


def _bound_service_by_header(system: System) -> None:
    """A request that says in a header that it is for a Worker goes to that Worker, whatever its URL is."""

    async def around(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
        if capability is system.outbound:
            headers = call.arguments[0]["headers"]
            said = [value.lower() for name, value in headers if name.lower() in _SAY_THE_HOST]
            worker = next((name for name in said if name in system.ports), None)
            if worker is not None:
                return await ServiceCapability(system.platform, worker, None).call(call)
        return await plain()

    around_calls(around)(system)


def _own_ports_open(system: System) -> None:
    system.rules.is_public = lambda address: True  # type: ignore[method-assign]


def _redirect_bypass(system: System) -> None:
    """Only the first URL is looked at; a redirect leads anywhere."""
    rules = system.rules
    plain = rules.is_public
    rules.check_hop = lambda url: setattr(rules, "is_public", lambda address: True)  # type: ignore[method-assign]
    plain_route = rules.route

    def route(url: str) -> Route:
        try:
            return plain_route(url)
        finally:
            rules.is_public = plain  # type: ignore[method-assign]

    rules.route = route  # type: ignore[method-assign]


SWITCHES: dict[str, Switch] = {
    "bound-service-by-url": _bound_service_by_url,
    "bound-service-by-header": _bound_service_by_header,
    "bound-service-by-redirect": _redirect_bypass,
    "control-plane-reachable": _own_ports_open,
    "redirect-bypass": _redirect_bypass,
}
