"""The relay to the stand-ins for the internet connects to what a test declared and to nothing else. Needs no engine."""

import contextlib
import socket

import pytest

from conformance.origin import public_address, serving
from harness.adapters.container.relay import relaying
from harness.adapters.container.sockets import listening_on
from harness.runtime import Outbound


@contextlib.contextmanager
def relay(folder, outbound):
    """A function that sends a line and a request through the relay, and returns all that comes back."""
    deep = folder.joinpath(*["a-name-that-makes-the-path-long"] * 5)
    deep.mkdir(parents=True)

    def ask(where):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            with contextlib.chdir(deep):
                connection.connect("s")
            connection.sendall(f"{where}\nGET /x HTTP/1.0\r\nHost: x\r\n\r\n".encode())
            with contextlib.suppress(ConnectionError):
                return b"".join(iter(lambda: connection.recv(65536), b""))
            return b""

    with listening_on(deep / "s") as listener, relaying(listener, outbound):
        yield ask


def test_declared_addresses_are_reached(tmp_path):
    """At any port; what comes back is what the stand-in said."""
    with serving(public_address()) as origin, relay(tmp_path, Outbound(public=(origin.address,))) as ask:
        assert ask(origin.host).startswith(b"HTTP/1.1 200")
        assert [hit.path for hit in origin.hits] == ["/x"]


def test_the_gateway_is_reached_at_its_port(tmp_path):
    """The gateway alone: another port of its address is another server."""
    with serving() as gateway, serving() as other, relay(tmp_path, Outbound(gateway=gateway.host)) as ask:
        assert ask(gateway.host).startswith(b"HTTP/1.1 200")
        assert ask(other.host) == b""
        assert other.connections == 0


@pytest.mark.parametrize("where", ["127.0.0.1:{port}", "localhost:{port}", "", "nonsense", ":{port}", "\xe9:{port}"])
def test_nothing_else_is_reached(tmp_path, where):
    """Whatever a Worker writes there."""
    outbound = Outbound(public=("127.64.0.1",))
    with serving() as canary, relay(tmp_path, outbound) as ask:
        assert ask(where.format(port=canary.port)) == b""
        assert canary.connections == 0


def test_a_stand_in_that_is_not_there(tmp_path):
    """The connection is closed; the relay goes on."""
    address = public_address()
    with serving(address) as origin, relay(tmp_path, Outbound(public=(address, "127.64.0.9"))) as ask:
        assert ask("127.64.0.9:1") == b""
        assert ask("127.64.0.9:not-a-port") == b""
        assert ask(origin.host).startswith(b"HTTP/1.1 200")
