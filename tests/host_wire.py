"""The Python side of the isolate host's wire, as small as its tests need it, and a prelude that hardly does a thing."""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import socket
import struct
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import toolchain

HOST = Path(toolchain.CHECKOUT) / "harness" / "adapters" / "reference" / "host" / "host.js"
DEADLINE_S = 60.0
"""Nothing here takes more than two seconds of a core; a host that is this late is broken."""

MIB = 1 << 20

BUSY_MS = 5
"""Past so much CPU time of one turn, what an isolate has not begun is given back."""

BEGIN, RESULT, FAILED, TIMER, GONE = range(5)

PRELUDE = r"""
let handlers, turn, posts = [], binaries = [], timers = [], wasmBytes = 0, answers = new Map(), wakes = new Map();
let native, nextId = 1;
const post = (name, rid, ...rest) => { posts.push(JSON.stringify([name, rid, ...rest])); };
const api = (rid) => ({
  rid,
  say: (what) => post("say", rid, what),
  now: () => turn.now,
  ended: () => turn.ended,
  binary: (bytes) => binaries.push(bytes) - 1,
  native: (name, ...given) => native[name](...given),
  op: (method) => new Promise((resolve, reject) => {
    const id = nextId++;
    answers.set(id, { resolve, reject });
    post("op", rid, id, "somewhere", method, [], null);
  }),
  timer: (ms, then) => { const id = nextId++; wakes.set(id, then); timers.push(`${rid}:${id}:${ms}`); return id; },
  cancel: (id) => { timers.push(`${rid}:${id}:-1`); },
  wasm: (bytes) => { wasmBytes = bytes; },
});
globalThis.__isomark = {
  workersModule: { WorkerEntrypoint: class WorkerEntrypoint {}, waitUntil() { return "waited"; } },
  configure(namespace, config) {
    native = {};
    for (const name of ["parseUrl", "setUrl", "random", "digest"]) {
      native[name] = globalThis[`__isomarkHost_${name}`];
      delete globalThis[`__isomarkHost_${name}`];
    }
    handlers = namespace.default;
    return JSON.stringify({ names: Object.keys(namespace), config: JSON.parse(config), streams: typeof streams });
  },
  deliver(kind, rid, id, text, now, ended, bin) {
    turn = { now, ended };
    if (kind === 0) {
      const { call, given } = JSON.parse(text);
      const fail = (error) => post("fail", rid, String(error));
      try {
        Promise.resolve(handlers[call](api(rid), given, bin)).then(() => post("done", rid), fail);
      } catch (error) { fail(error); }
    } else if (kind === 3) wakes.get(id)();
    else if (kind === 4) post("gone", rid);
    else answers.get(id)[kind === 1 ? "resolve" : "reject"]({ value: JSON.parse(text), bin });
  },
  drain() {
    if (posts.length === 0 && timers.length === 0 && binaries.length === 0) return "";
    const text = `${timers.join()}\n${wasmBytes}\n${binaries.length}\n${posts.join()}`;
    posts = []; timers = [];
    return text;
  },
  drainBinary() { const all = binaries; binaries = []; return all; },
};
"""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One frame from the host. `posts`: what the text holds, for a turn."""

    header: list[Any]
    text: str
    data: bytes

    @property
    def kind(self) -> str:
        return str(self.header[0])

    @property
    def posts(self) -> list[Any]:
        return list(json.loads(self.text)) if self.text else []

    @property
    def refusal(self) -> dict[str, str]:
        return dict(json.loads(self.text))


@dataclass(kw_only=True)
class Host:
    """A running isolate host. Messages are kept by isolate until somebody asks for them."""

    pid: int
    wire: socket.socket
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _held: bytearray | None = None
    _buffer: bytearray = field(default_factory=bytearray)
    _kept: dict[Any, deque[Message]] = field(default_factory=lambda: defaultdict(deque))

    @classmethod
    def start(cls, folder: Path, prelude: dict[str, str] | None = None) -> Host:
        """A host whose prelude is written to `folder`: by default the one above, with a streams library."""
        files = prelude or {"order.json": '["web-streams-polyfill", "tiny.js"]', "tiny.js": PRELUDE}
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        ours, theirs = socket.socketpair()
        host = cls(pid=0, wire=ours)
        host.send(["settings", {"busy_ms": BUSY_MS}])  # before it begins: one that cannot start may be gone afterwards
        with theirs:
            node = str(toolchain.node())
            host.pid = os.posix_spawn(
                node,
                [node, "--no-node-snapshot", str(HOST), str(toolchain.node_modules()), str(folder)],
                {"MALLOC_ARENA_MAX": "2"},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)],
            )
        return host

    def close(self) -> None:
        """End the process, and wait for its end."""
        self.wire.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def send(self, header: list[Any], text: str = "", data: bytes = b"") -> None:
        head, body = json.dumps(header).encode(), text.encode()
        frame = struct.pack("<III", len(head), len(body), len(data)) + head + body + data
        if self._held is None:
            self.wire.sendall(frame)
        else:
            self._held += frame

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is sent inside arrives in one piece, and so before any of it is done."""
        held = self._held = bytearray()
        yield
        self._held = None
        self.wire.sendall(held)

    @contextmanager
    def never_busy(self) -> Iterator[None]:
        """Nothing is given back inside, however long a turn takes the machine."""
        self.send(["settings", {"busy_ms": 60_000}])
        try:
            yield
        finally:
            self.send(["settings", {"busy_ms": BUSY_MS}])

    # --- what tests ask for

    def kept(self, isolate: int) -> list[Message]:
        """What has come about an isolate and was not asked for yet."""
        return list(self._kept[isolate])

    def isolate(self, source: str | dict[str, str], **settings: Any) -> int:
        """Have an isolate made; "main.js" is its main module. The number it is known by."""
        number = next(self.numbers)
        modules = {"main.js": source} if isinstance(source, str) else source
        code: dict[str, Any] = {"modules": modules, "wasm": {}, "config": {}, "before": None}
        code |= {key: settings.pop(key) for key in ("wasm", "config", "before") if key in settings}
        plain = {"main": "main.js", "memory_bytes": 128 * MIB, "start_cpu_ms": 5000}
        self.send(["isolate", number, {**plain, **settings}], json.dumps(code))
        return number

    def ready(self, source: str | dict[str, str], **settings: Any) -> int:
        """The number of an isolate that is ready."""
        number = self.isolate(source, **settings)
        message = self.about(number)
        assert message.kind == "ready", message
        return number

    def begin(
        self, isolate: int, call: str, given: Any = None, *, limit_ms: float | None = None, data: bytes = b""
    ) -> int:
        """Begin a request that calls a handler. Its number."""
        request = next(self.numbers)
        limit_ns = None if limit_ms is None else int(limit_ms * 1e6)
        self.turn(
            isolate, request, BEGIN, text=json.dumps({"call": call, "given": given}), limit_ns=limit_ns, data=data
        )
        return request

    def turn(
        self,
        isolate: int,
        request: int,
        kind: int,
        number: int = 0,
        *,
        text: str = "null",
        data: bytes = b"",
        limit_ns: int | None = None,
    ) -> None:
        self.send(["turn", isolate, request, kind, number, limit_ns], text, data)

    def call(self, isolate: int, call: str, given: Any = None, **options: Any) -> Message:
        """Begin a request, and wait for the end of its first turn."""
        request = self.begin(isolate, call, given, **options)
        message = self.about(isolate)
        assert message.header[:3] == ["turn", isolate, request], message
        return message

    def about(self, isolate: int | str) -> Message:
        """The next message about an isolate, or the next one called so that is about none, but for "busy"."""
        while (message := self.next(isolate)).kind == "busy":
            pass
        return message

    def next(self, isolate: int | str) -> Message:
        """The next message about an isolate, "busy" too."""
        deadline = time.monotonic() + DEADLINE_S
        while not self._kept[isolate]:
            self._receive(deadline)
        return self._kept[isolate].popleft()

    def _receive(self, deadline: float) -> None:
        readable, _, _ = select.select([self.wire], [], [], max(0.0, deadline - time.monotonic()))
        assert readable, "the host says nothing"
        chunk = self.wire.recv(1 << 20)
        assert chunk, "the host has ended"
        self._buffer += chunk
        while len(self._buffer) >= 12:
            lengths = struct.unpack_from("<III", self._buffer)
            head_end = 12 + lengths[0]
            text_end = head_end + lengths[1]
            end = text_end + lengths[2]
            if len(self._buffer) < end:
                return
            message = Message(
                header=json.loads(self._buffer[12:head_end]),
                text=self._buffer[head_end:text_end].decode(),
                data=bytes(self._buffer[text_end:end]),
            )
            del self._buffer[:end]
            about = message.header[1] if isinstance(message.header[1], int) else message.kind
            self._kept[about].append(message)
