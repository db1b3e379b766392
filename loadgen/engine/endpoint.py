"""Where a target listens. Only this machine: load sent anywhere else is an attack."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import UsageError, did_you_mean

MOST_UNIX_PATH_BYTES = 107
"""sun_path less its closing zero (unix(7))."""

_FORMS = "http://127.0.0.1:PORT, https://127.0.0.1:PORT or unix:/path"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A TCP address in 127.0.0.0/8 or ::1, or a unix socket; with `tls`, the same under TLS.

    Raises `UsageError` for any other address, a port outside 1 to 65,535 or a path too long for a unix socket.
    """

    host: str = "127.0.0.1"
    port: int = 0
    unix_path: str | None = None
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if self.unix_path is not None:
            if not 0 < len(self.unix_path.encode()) <= MOST_UNIX_PATH_BYTES:
                raise UsageError(
                    f"{self.unix_path!r} cannot be the path of a unix socket",
                    expected=f"1 to {MOST_UNIX_PATH_BYTES} bytes",
                )
            return
        if not _is_loopback(self.host):
            raise UsageError(
                f"{self.host!r} is not this machine", expected="an address in 127.0.0.0/8, ::1, or a unix socket"
            )
        if not 1 <= self.port <= 65_535:
            raise UsageError(f"port {self.port} does not exist", expected="1 to 65535")

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """From `http://127.0.0.1:8080`, `https://...` or `unix:/path`; what follows the port is left alone.

        `localhost` is taken for 127.0.0.1. A certificate is not verified: the target is on this machine, mostly with
        one it signed itself. Raises `UsageError`.
        """
        scheme, _, rest = url.partition(":")
        if scheme == "unix":
            return cls(unix_path=rest.removeprefix("//"))
        if scheme not in _DEFAULT_PORTS:
            raise UsageError(
                f"{url!r} is no address of a target",
                expected=_FORMS,
                remedy=did_you_mean(scheme, [*_DEFAULT_PORTS, "unix"]),
            )
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[scheme]
        except ValueError as error:
            raise UsageError(f"{url!r} is no address of a target: {error}", expected=_FORMS) from None
        return cls(
            host="127.0.0.1" if host == "localhost" else host,
            port=port,
            tls=_unverified() if scheme == "https" else None,
        )

    @property
    def authority(self) -> str:
        """For the Host header."""
        if self.unix_path is not None:
            return "localhost"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
