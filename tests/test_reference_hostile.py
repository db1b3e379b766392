"""What the reference runtime does with bad Workers and bad clients: a clear error, and never the host."""

from __future__ import annotations

import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from harness.application import Application
from harness.errors import DeployRefused, ScriptError, Unanswered
from harness.registry import resolve
from harness.runtime import (
    Conditions,
    Instance,
    IsolatesOnDemand,
    Ledger,
    Outcome,
    Plan,
    Processes,
    Request,
)

GOOD = 'export default { fetch() { return new Response("served"); } };'

ISOLATES = int(os.environ.get("ISOMARK_ISOLATES", "400"))
"""2,000 in the nightly run."""

SOAK_KILLS = int(os.environ.get("ISOMARK_SOAK_KILLS", "150"))
"""10,000 in the nightly run."""


REFUSED = {
    "does not parse": ("export default {", "SyntaxError"),
    "throws at start": ("throw new RangeError('at start'); export default { fetch() {} };", "at start"),
    "exports nothing": ("const unused = 1;", "exports no event handlers"),
    "imports what is not there": ("import x from './absent.mjs'; export default { fetch() {} };", "absent.mjs"),
    "imports a package": ("import x from 'left-pad'; export default { fetch() {} };", "left-pad"),
    "imports Node's modules": ("import fs from 'node:fs'; export default { fetch() {} };", "node:fs"),
    "loops at start": ("for (;;) {} export default { fetch() {} };", "CPU time limit"),
    "takes all memory at start": (
        "const all = []; for (;;) all.push(new Array(1e5).fill(0.5)); export default { fetch() {} };",
        "memory",
    ),
    "waits for ever at start": ("await new Promise(() => {}); export default { fetch() {} };", ""),
    "fetches at start": ("await fetch('http://127.0.0.1/'); export default { fetch() {} };", "global scope"),
}

NO_RESPONSE = {
    "nothing": "return undefined;",
    "text": "return 'text';",
    "an object that looks like one": "return { status: 200, headers: new Headers(), body: null };",
    "a promise of nothing": "return Promise.resolve();",
    "throws a string": "throw 'a string';",
    "throws null": "throw null;",
    "a promise that is never kept": "return new Promise(() => {});",
    "an object whose getters throw": "return { get status() { throw new Error('got'); } };",
    "a Response with a used body": "const r = new Response('x'); await r.text(); return r;",
}

ESCAPES = {
    "process": "return String(process.pid);",
    "require": "return require('node:fs').readFileSync('/etc/hostname', 'utf8');",
    "the global constructor": "return globalThis.constructor.constructor('return process')().pid;",
    "this of a function": "return (function () { return this; })().process.pid;",
    "Function of a function": "return fetch.constructor('return process')().pid;",
    "an error's stack": "Error.prepareStackTrace = (_, frames) => frames; "
    "const found = new Error().stack.map((frame) => frame.getThis?.()).find((each) => each?.process); "
    "return found.process.pid;",
    "arguments.callee.caller": "return setTimeout.caller.constructor('return process')().pid;",
    "import()": "return (await import('node:process')).pid;",
    "the callbacks of the host": "return Object.getOwnPropertyNames(globalThis)"
    ".find((name) => /isomark/i.test(name)).length;",
    "isolated-vm": "return new ivm.Isolate().createContextSync().constructor.constructor('return process')().pid;",
    "WebAssembly imports": "return WebAssembly.instantiate.constructor('return process')().pid;",
    "a patched prototype": """
      let caught;
      const trap = (owner, name) => {
        const plain = owner[name];
        owner[name] = function (...args) {
          for (const each of [this, ...args]) {
            if (typeof each === "function" && /native|host|post/i.test(each.name)) caught = each;
          }
          return plain.apply(this, args);
        };
      };
      trap(Array.prototype, "push"); trap(Promise.prototype, "then");
      trap(Map.prototype, "set"); trap(Map.prototype, "get");
      await new Promise((resolve) => setTimeout(resolve, 0));
      return caught.constructor("return process")().pid;""",
}


def _launch(folder: Path, source: str, conditions: Conditions | None = None, **files: bytes):
    (folder / "hostile").mkdir(exist_ok=True)
    (folder / "hostile" / "index.mjs").write_text(source)
    (folder / "neighbour").mkdir(exist_ok=True)
    (folder / "neighbour" / "index.mjs").write_text(
        "let nonce; export default { fetch() { nonce ??= crypto.randomUUID(); return new Response(nonce); } };"
    )
    for name in ("hostile", "neighbour"):
        configuration = {"name": name, "main": "index.mjs", "compatibility_date": "2026-02-01"}
        (folder / name / "wrangler.json").write_text(json.dumps(configuration))
    application = Application.load(folder / "hostile", folder / "neighbour")
    return resolve("reference").launch(application, conditions or Conditions())


def _neighbour(instance: Instance) -> str:
    answer = instance.fetch("neighbour", Request())
    assert answer.status == 200
    return answer.text


@pytest.mark.parametrize("what", REFUSED)
def test_a_worker_that_cannot_start_is_refused(tmp_path: Path, what: str) -> None:
    source, says = REFUSED[what]
    with pytest.raises(ScriptError) as refused, _launch(tmp_path, source):
        pass
    assert "hostile" in str(refused.value)
    assert says in str(refused.value)


def test_a_script_of_100_mb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployRefused, match="bytes of code"), _launch(tmp_path, GOOD + "//" + "x" * 100_000_000):
        pass


def test_what_is_not_a_response_is_an_error_of_that_request_only(tmp_path: Path) -> None:
    cases = "\n".join(f"  async {json.dumps(name)}() {{ {body} }}," for name, body in NO_RESPONSE.items())
    source = (
        f"const cases = {{\n{cases}\n}};\nexport default {{ fetch(request) {{ "
        "const name = new URL(request.url).searchParams.get('case'); "
        "return name ? cases[name]() : new Response('served'); } };"
    )
    with _launch(tmp_path, source, Conditions(instruments=frozenset({Ledger}))) as instance:
        ledger = instance.instrument(Ledger)
        for name in NO_RESPONSE:
            mark = ledger.mark()
            answer = instance.fetch("hostile", Request(path=f"/?case={name.replace(' ', '%20')}"))
            assert (name, answer.status) == (name, 500)
            assert "1101" in answer.text
            assert ledger.since(mark, worker="hostile")[0].outcome is Outcome.EXCEPTION, name
            assert instance.fetch("hostile", Request()).text == "served"


@pytest.mark.parametrize("way", ESCAPES)
def test_no_way_out_of_the_isolate(tmp_path: Path, way: str) -> None:
    """Each way must throw inside the isolate. The answer would be a process id, a file or the name of a host object."""
    source = f"""
    const attempt = async () => {{ {ESCAPES[way]} }};
    export default {{ async fetch() {{
      try {{ return new Response("escaped: " + (await attempt())); }} catch (error) {{ return new Response("threw"); }}
    }} }};"""
    with _launch(tmp_path, source) as instance:
        before = _neighbour(instance)
        assert instance.fetch("hostile", Request()).text == "threw"
        assert instance.alive()
        assert _neighbour(instance) == before


def test_a_header_bomb_is_turned_away(tmp_path: Path) -> None:
    with _launch(tmp_path, GOOD) as instance:
        port = urlsplit(instance.url("hostile")).port
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(
                b"GET / HTTP/1.1\r\nhost: x\r\n" + b"".join(b"x-%d: %s\r\n" % (n, b"y" * 1000) for n in range(200))
            )
            assert b"431" in client.recv(1000)
        assert instance.fetch("hostile", Request()).text == "served"


def test_clients_that_hang_up_leave_nothing(tmp_path: Path) -> None:
    """In the head, in a body that never ends, while the Worker waits, in the middle of an endless answer."""
    source = """
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    let open = 0;
    export default { async fetch(request) {
      const path = new URL(request.url).pathname;
      if (path === "/open") return new Response(String(open));
      if (path === "/body") { await request.text(); return new Response("whole"); }
      if (path === "/wait") { await pause(3_600_000); return new Response("late"); }
      if (path === "/endless") {
        return new Response(new ReadableStream({ async pull(c) { await pause(1); c.enqueue(new Uint8Array(1000)); } }));
      }
      return new Response("served");
    } };"""
    requests = (
        b"GET / HT",
        b"POST /body HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\nhello",
        b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n",
    )
    with _launch(tmp_path, source) as instance:
        port = urlsplit(instance.url("hostile")).port
        pid = instance.instrument(Processes).pids()[0]
        for _ in range(20):
            for request in requests:
                with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                    client.sendall(request)
                    if b"endless" in request:
                        client.recv(100)
        assert instance.fetch("hostile", Request()).text == "served"
        _until(lambda: _sockets_to(port) == 0)
        assert instance.fetch("hostile", Request()).text == "served"
        assert instance.alive()
        assert Path(f"/proc/{pid}").exists()


def test_many_isolates_at_once(tmp_path: Path) -> None:
    source = "let n; export default { fetch() { n ??= crypto.randomUUID(); return new Response(n); } };"
    conditions = Conditions(instruments=frozenset({IsolatesOnDemand}), memory_guard_bytes=8 << 30)
    with _launch(tmp_path, source, conditions) as instance:
        url, header = instance.instrument(IsolatesOnDemand).address("hostile")
        limits = httpx.Limits(max_connections=32)
        with httpx.Client(trust_env=False, timeout=120, limits=limits) as client, ThreadPoolExecutor(32) as pool:
            nonces = list(
                pool.map(lambda number: client.get(url, headers={header: f"n{number}"}).text, range(ISOLATES))
            )
            assert len(set(nonces)) == ISOLATES
            again = list(
                pool.map(lambda number: client.get(url, headers={header: f"n{number}"}).text, range(0, ISOLATES, 97))
            )
        assert again == nonces[::97]
        assert _neighbour(instance)


def test_kills_leave_nothing_behind(tmp_path: Path) -> None:
    """Isolate after isolate is ended for its CPU time or its memory; the neighbour lives through all of it."""
    source = """
    export default { fetch(request) {
      const how = new URL(request.url).pathname;
      if (how === "/cpu") for (;;) {}
      const held = [];
      if (how === "/buffers") for (;;) held.push(new Uint8Array(1 << 20).fill(1));
      return new Response("served");
    } };"""
    with _launch(tmp_path, source, Conditions(plan=Plan.FREE)) as instance:
        before = _neighbour(instance)
        pid = instance.instrument(Processes).pids()[0]
        half = None
        for number in range(SOAK_KILLS):
            path = "/buffers" if number % 10 == 9 else "/cpu"
            try:
                assert instance.fetch("hostile", Request(path=path)).status == 503
            except Unanswered as error:  # pragma: no cover - a broken connection is an answer of another kind
                pytest.fail(f"kill {number}: {error}")
            if number % 10 == 0:
                assert _neighbour(instance) == before
            if number == SOAK_KILLS // 2:
                half = _footprint(pid)
        assert instance.fetch("hostile", Request()).text == "served"
        assert _neighbour(instance) == before
        assert half is not None
        most = (half[0] + 2, half[1] + 2, half[2] * 1.5 + 64)
        # The last one's thread may be on its way out.
        _until(lambda: all(now <= bound for now, bound in zip(_footprint(pid), most, strict=True)))


def _footprint(pid: int) -> tuple[int, int, int]:
    """Threads, open descriptors and resident MiB of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return len(list(Path(f"/proc/{pid}/task").iterdir())), len(list(Path(f"/proc/{pid}/fd").iterdir())), pages >> 8


def _sockets_to(port: int) -> int:
    """Established connections at that local port."""
    wanted = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(fields[1].endswith(wanted) and fields[3] in ("01", "08") for fields in map(str.split, lines))


def _until(reached) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.05)
