"""The frames between the control plane and the isolate host.

A frame is three lengths (u32, little-endian), a header (a JSON array), a text (UTF-8) and bytes. What is only passed on
travels as text or bytes and is never decoded on the way.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any, cast

import msgspec

_LENGTHS = struct.Struct("<III")
_PREFIX = _LENGTHS.size

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Any]).decode

Receive = Callable[[list[Any], memoryview, memoryview], None]


class HostLink(asyncio.Protocol):
    """The socket to the host. `receive` gets (header, text, bytes); the views are only good during the call.

    What is sent within one pass of the event loop goes out in one write.
    """

    def __init__(self, receive: Receive, lost: Callable[[], None]) -> None:
        self._receive = receive
        self._lost = lost
        self._pending = bytearray()
        self._out: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are of no class of asyncio's

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost()

    def send(self, header: list[Any], text: bytes = b"", data: bytes = b"") -> None:
        head = _encode(header)
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(_LENGTHS.pack(len(head), len(text), len(data)) + head + text)
        if data:
            self._out.append(data)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    def data_received(self, data: bytes) -> None:
        if self._pending:
            self._pending += data
            # A frame of many megabytes comes in pieces: nothing is looked at before its lengths say it is whole.
            if len(self._pending) < _PREFIX or len(self._pending) < _PREFIX + sum(_LENGTHS.unpack_from(self._pending)):
                return
            data = bytes(self._pending)
            self._pending.clear()
        view = memoryview(data)
        at, end = 0, len(data)
        while end - at >= _PREFIX:
            head_length, text_length, data_length = _LENGTHS.unpack_from(data, at)
            text_at = at + _PREFIX + head_length
            data_at = text_at + text_length
            following = data_at + data_length
            if following > end:
                break
            self._receive(_decode(view[at + _PREFIX : text_at]), view[text_at:data_at], view[data_at:following])
            at = following
        if at < end:
            self._pending += view[at:]
