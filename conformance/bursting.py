"""A burst that is one: every connection is there before the first request is sent, and then all are sent in a row."""

from __future__ import annotations

import contextlib
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from harness.runtime import FETCH_DEADLINE_S, Response


def burst(url: str, path: str, count: int) -> list[Response]:
    """So many requests to a Worker's own address; the answers in the order of the requests.

    A request whose connection broke off has an answer of status 599, saying so.
    """
    parts = urlsplit(url)
    with contextlib.ExitStack() as stack:
        connections = [HTTPConnection(str(parts.hostname), parts.port, timeout=FETCH_DEADLINE_S) for _ in range(count)]
        for connection in connections:
            stack.callback(connection.close)
            connection.connect()
        for connection in connections:
            with contextlib.suppress(OSError):  # a broken connection shows again when the answer is read
                connection.request("GET", path)
        return [_answer(connection) for connection in connections]


def _answer(connection: HTTPConnection) -> Response:
    try:
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(status=answer.status, headers=headers, body=answer.read())
    except (OSError, HTTPException) as error:
        return Response(status=599, headers={}, body=f"{type(error).__name__}: {error}".encode())
