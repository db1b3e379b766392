"""Faults of what fetch() reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.adapters.reference.control.faults.switches import Switch
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
    "control-plane-reachable": _own_ports_open,
    "redirect-bypass": _redirect_bypass,
}
