"""Where fetch() may go: to public addresses, or all of it to the gateway; and what it may say there.

No name is ever looked up.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from harness.adapters.reference.control.bodies import Body, UnsafeField, field_lines, is_token

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:]{2,39}\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)"
    r"(?::(?P<port>0|[1-9][0-9]{0,4}))?"
    r"(?P<target>/[!-~]*)?"
)
"""A canonical http URL as the WHATWG's serialiser writes it, or it is refused: lower case, no user, no escapes in the
host, printable ASCII in the rest."""

_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
_PORTS = {"http": 80, "https": 443}
_MOST_NAME_CHARACTERS = 254
_VISIBLE = re.compile(r"[!-~]+")
_NOT_SENT = frozenset(("CONNECT", "TRACE", "TRACK"))
_ALWAYS_FRAMED = frozenset(("POST", "PUT", "PATCH"))


class OutboundRefused(Exception):
    """A fetch() that the platform does not make. The text is for the Worker."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where one request goes. `address` is an IP address, `authority` what its Host header says."""

    address: str
    port: int
    target: str
    authority: str


@dataclass(frozen=True, kw_only=True)
class _Url:
    scheme: str
    host: str
    port: int
    target: str
    authority: str
    address: str | None


class OutboundRules:
    """The platform's firewall. `public`: the addresses of the internet; `gateway`: `host:port` of one server that
    stands for all of it.

    Raises `ValueError` for a public address or gateway that is no IP address.
    """

    def __init__(self, *, public: Iterable[str] = (), gateway: str | None = None) -> None:
        self._public = frozenset(ipaddress.ip_address(address) for address in public)
        self._gateway = None if gateway is None else _host_and_port(gateway)

    def route(self, url: str) -> Route:
        """The way to that URL. Raises `OutboundRefused`, also for a URL that is not canonical."""
        parts = _parse(url)
        if self._gateway is not None:
            address, port = self._gateway
            return Route(address=address, port=port, target=parts.target, authority=parts.authority)
        if parts.scheme != "http":
            raise OutboundRefused(f"{parts.authority} cannot be reached: there is no TLS here")
        if parts.address is None:
            raise OutboundRefused(f"{parts.host} cannot be reached: no such host")
        if not self.is_public(parts.address):
            raise OutboundRefused(f"{parts.host} cannot be reached: not a public address")
        return Route(address=parts.address, port=parts.port, target=parts.target, authority=parts.authority)

    def is_public(self, address: str) -> bool:
        """Whether that IP address belongs to the internet. Everything else is the platform's own."""
        return ipaddress.ip_address(address) in self._public

    def check_hop(self, url: str) -> None:
        """Whether a redirect may lead to that URL: under the same rules as a request. Raises `OutboundRefused`."""
        self.route(url)


def _parse(url: str) -> _Url:
    match = _URL.fullmatch(url)
    if match is None:
        raise OutboundRefused("not a canonical http URL")
    scheme, host = match["scheme"], match["host"]
    port = _PORTS[scheme] if match["port"] is None else int(match["port"])
    if not 0 < port <= 0xFFFF or (match["port"] is not None and port == _PORTS[scheme]):
        raise OutboundRefused("not a canonical http URL: its port")
    authority = host if match["port"] is None else f"{host}:{port}"
    address = _address(host)
    target = (match["target"] or "/").partition("#")[0]  # a fragment is the Worker's own
    return _Url(scheme=scheme, host=host, port=port, target=target, authority=authority, address=address)


def _address(host: str) -> str | None:
    """The IP address a canonical host is, None for a name. Raises `OutboundRefused` for an odd spelling of one."""
    text = host[1:-1] if host.startswith("[") else host
    if host == text and not _ENDS_IN_A_NUMBER.fullmatch(host):
        if len(host) > _MOST_NAME_CHARACTERS:
            raise OutboundRefused("not a canonical http URL: its host is too long")
        return None
    try:
        address = ipaddress.IPv6Address(text) if host != text else ipaddress.IPv4Address(text)
    except ValueError:
        address = None
    if address is None or _spelled(address) != text:
        raise OutboundRefused("not a canonical http URL: its address")
    return text


def _spelled(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """As the WHATWG's serialiser writes it, which knows no dots in an IPv6 address."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        low = int(address) & 0xFFFFFFFF
        return f"::ffff:{low >> 16:x}:{low & 0xFFFF:x}"
    return str(address)


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    address = str(ipaddress.ip_address(host[1:-1] if host.startswith("[") else host))
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= 0xFFFF:
        raise ValueError(f"{text!r} is not an address and a port")
    return address, int(port)


def ip_address(text: str) -> str:
    """In its one spelling. Raises `OutboundRefused` for a name."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise OutboundRefused(f"{text} is no address, and no name is looked up") from None


def request_head(method: str, target: str, authority: str, headers: list[tuple[str, str]], body: Body | None) -> bytes:
    """A request's head as it is sent, with a framing of its own. Raises `OutboundRefused` for what would break out of
    its place."""
    if not is_token(method) or method.upper() in _NOT_SENT:
        raise OutboundRefused(f"no request can be made with the method {method[:64]!r}")
    if not _VISIBLE.fullmatch(target) or not _VISIBLE.fullmatch(authority):
        raise OutboundRefused("a request's target and host are visible ASCII")
    try:
        lines = field_lines(headers, but="host")
    except UnsafeField as error:
        raise OutboundRefused(str(error)) from error
    if body is None:
        framing = "content-length: 0\r\n" if method in _ALWAYS_FRAMED else ""
    elif body.length is None:
        framing = "transfer-encoding: chunked\r\n"
    else:
        framing = f"content-length: {body.length}\r\n"
    return f"{method} {target} HTTP/1.1\r\nhost: {authority}\r\n{lines}{framing}\r\n".encode("latin-1")
