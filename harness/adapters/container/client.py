"""The Docker SDK's low-level client on a unix socket; it leaves no socket open behind it when nobody answers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool

_OLDEST_API = "1.24"
"""With which the client begins; what is asked before the engine's own version is known has none in its address."""


@contextlib.contextmanager
def client_at(path: Path, version: str | None, deadline_s: int) -> Iterator[docker.APIClient]:
    """A client of the engine there. `version`: of the API, None for the newest that the engine has.

    Raises what the Docker SDK and its HTTP client raise when nobody answers.
    """
    client = docker.APIClient(base_url=f"unix://{path}", version=version or _OLDEST_API, timeout=deadline_s)
    try:
        client.trust_env = False  # no proxy of the environment stands between this machine and its own socket
        client.mount("http+docker://", _Adapter(f"http+unix://{path}", timeout=deadline_s))
        if version is None:
            client._version = str(client.version(api_version=False)["ApiVersion"])  # type: ignore[attr-defined]
        yield client
    finally:
        client.close()


class _Connection(UnixHTTPConnection):
    def connect(self) -> None:
        """The SDK's own leaves its socket open when this fails."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self.unix_socket)
        except BaseException:
            connection.close()
            raise
        self.sock = connection


class _Pool(UnixHTTPConnectionPool):
    def _new_conn(self) -> _Connection:  # type: ignore[override]
        return _Connection(self.base_url, self.socket_path, self.timeout)  # type: ignore[arg-type]


class _Adapter(UnixHTTPAdapter):
    def get_connection(self, url: str | bytes, proxies: object = None) -> UnixHTTPConnectionPool:
        del proxies
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = self.pools[url] = _Pool(str(url), self.socket_path, self.timeout, maxsize=self.max_pool_size)
        return pool
