"""The classes of error a request can end with. Every one but `wrong-status` and `wrong-body` costs its connection."""

from __future__ import annotations

import errno
import ssl
from enum import StrEnum


class ErrorClass(StrEnum):
    """What became of a request that got no right answer. A body check may add words of its own."""

    REFUSED = "refused"
    """Nothing accepts connections there: ECONNREFUSED, or no such unix socket."""
    CONNECT_FAILED = "connect-failed"
    """Connecting failed otherwise, or took longer than the time-out."""
    TLS = "tls"
    """The handshake failed, or a record was damaged."""
    RESET = "reset"
    """The peer reset the connection, or stopped taking the request."""
    CLOSED = "closed"
    """The peer closed before the first byte of an answer, or inside a head or a chunked body."""
    CUT_SHORT = "cut-short"
    """The peer closed before Content-Length was fulfilled."""
    TIMEOUT = "timeout"
    """No whole answer within the plan's time-out."""
    MALFORMED = "malformed"
    """Not HTTP/1.1, or more bytes than the answer had."""
    TOO_LARGE = "too-large"
    """A head of more than 64 KiB, or a body to be checked of more than 64 MiB."""
    WRONG_STATUS = "wrong-status"
    WRONG_BODY = "wrong-body"


_REFUSED = frozenset({errno.ECONNREFUSED, errno.ENOENT})


def of_connecting(error: OSError) -> ErrorClass:
    """The class of an error that connecting raised."""
    if isinstance(error, ssl.SSLError):
        return ErrorClass.TLS
    return ErrorClass.REFUSED if error.errno in _REFUSED else ErrorClass.CONNECT_FAILED


def of_exchange(error: OSError) -> ErrorClass:
    """The class of an error that sending or receiving raised."""
    return ErrorClass.TLS if isinstance(error, ssl.SSLError) else ErrorClass.RESET
