"""The isolate host of the reference runtime, alone: frames in, frames out, and a prelude of a page."""

from __future__ import annotations

import json
import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host_wire import BEGIN, FAILED, GONE, MIB, RESULT, Host, Message

QUIET = "export default { hello(api) { api.say('hello'); } };"

SPINNING = {
    "a busy loop": "spin() { for (;;); }",
    "a loop after an await": "async spin() { await null; for (;;); }",
    "microtasks without an end": "spin() { const again = () => Promise.resolve().then(again); return again(); }",
    "a loop that catches everything": "spin() { for (;;) try { for (;;); } catch { continue; } finally { for (;;); } }",
    "a catastrophic regular expression": "spin() { return /^(a+)+$/.test('a'.repeat(64) + '!'); }",
    "a short loop in an endless one": "spin() { let all; for (;;) all = new Array(1000).fill(0.5); }",
    "a getter of an error nobody handled": "spin() { Promise.reject({ get message() { for (;;); } }); }",
}

HEAP_BOMB = "export default { bomb() { const all = []; for (;;) all.push(new Array(1000).fill(0.5)); } };"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host.start(tmp_path_factory.mktemp("prelude"))
    try:
        yield host
        bystander = host.ready(QUIET)  # whatever was done to it, the host still works
        assert host.call(bystander, "hello").posts[0][2] == "hello"
    finally:
        host.close()


def is_dead(message: Message, reason: str) -> bool:
    return message.kind == "dead" and message.header[2] == reason


def refusal(host: Host, source: str | dict[str, str], **settings: object) -> dict[str, str]:
    message = host.about(host.isolate(source, **settings))
    assert is_dead(message, "refused"), message
    assert message.header[3:] == [None, message.header[4], []]
    return message.refusal


# --- start


def test_hello_names_the_versions(tmp_path: Path) -> None:
    """The first message says which Node and which isolated-vm run in which process."""
    host = Host.start(tmp_path)
    try:
        about = host.about("hello").header[1]
        assert about["node"].startswith("v24.")
        assert about["isolated_vm"] == "7.0.1"
        assert about["pid"] == host.pid
    finally:
        host.close()


def test_ready_carries_what_the_prelude_said(host: Host) -> None:
    """ "ready" has the CPU time of the start, and as text what configure() returned."""
    number = host.isolate(QUIET + "export class Other {}", config={"worker": "w"})
    message = host.about(number)
    assert message.header[:2] == ["ready", number]
    assert message.header[2] > 0
    assert json.loads(message.text) == {"names": ["Other", "default"], "config": {"worker": "w"}, "streams": "object"}


def test_modules_are_linked_by_relative_names(host: Host) -> None:
    """Relative specifiers are resolved against the importing module, also in circles and upwards."""
    isolate = host.ready(
        {
            "main.js": "import { a } from './lib/a.js'; export default { ask(api) { api.say(a()); } };",
            "lib/a.js": "import { b } from '../b.js'; export const a = () => b() + 1; export const one = 1;",
            "b.js": "import { one } from './lib/a.js'; export const b = () => one + 1;",
        }
    )
    assert host.call(isolate, "ask").posts[0][2] == 3


def test_platform_module_is_there_for_whoever_imports_it(host: Host) -> None:
    """`cloudflare:workers` exports what the prelude's object holds, in every module the same."""
    isolate = host.ready(
        {
            "main.js": """
                import { WorkerEntrypoint, waitUntil } from "cloudflare:workers";
                import { Same } from "./other.js";
                export default { ask(api) { api.say([WorkerEntrypoint === Same, waitUntil()]); } };
            """,
            "other.js": "export { WorkerEntrypoint as Same } from 'cloudflare:workers';",
        }
    )
    assert host.call(isolate, "ask").posts[0][2] == [True, "waited"]


def test_wasm_module_is_a_module(host: Host) -> None:
    """The default export of a .wasm file is a WebAssembly.Module."""
    isolate = host.ready(
        "import c from './empty.wasm'; export default { ask(api) { api.say(c instanceof WebAssembly.Module); } };",
        wasm={"empty.wasm": "AGFzbQEAAAA="},
    )
    assert host.call(isolate, "ask").posts[0][2] is True


def test_broken_wasm_is_refused(host: Host) -> None:
    """A .wasm file that does not compile refuses the isolate, by the file's name."""
    why = refusal(host, "import code from './broken.wasm'; export default {};", wasm={"broken.wasm": "AGFzbQ=="})
    assert why["name"] == "CompileError"
    assert "broken.wasm" in why["message"]


def test_syntax_error_is_refused(host: Host) -> None:
    """A module that does not parse refuses the isolate, with its name and line."""
    why = refusal(host, "export default {};\nlet let = 1;")
    assert why["name"] == "SyntaxError"
    assert "main.js:2" in why["message"] + why["stack"]


def test_throw_at_start_is_refused(host: Host) -> None:
    """What a module throws while it is evaluated is told by name, message and stack, without the host's own frames."""
    why = refusal(
        host, "class Odd extends TypeError { name = 'Odd' }\nfunction deep() { throw new Odd('no') }\ndeep();"
    )
    assert (why["name"], why["message"]) == ("Odd", "no")
    assert "deep (main.js:2" in why["stack"]
    assert "host" not in why["stack"]


def test_rejected_top_level_await_is_refused(host: Host) -> None:
    """A top-level await that fails refuses the isolate."""
    assert refusal(host, "await Promise.reject(new RangeError('late')); export default {};")["message"] == "late"


def test_unhandled_rejection_at_start_is_no_reason(host: Host) -> None:
    """A promise that nobody handled does not keep a module from being ready."""
    isolate = host.ready("Promise.reject(new Error('stray'));" + QUIET)
    assert host.call(isolate, "hello").posts[0][2] == "hello"


def test_endless_loop_at_start_is_refused(host: Host) -> None:
    """Evaluation has a CPU budget of its own."""
    assert "CPU" in refusal(host, "for (;;);", start_cpu_ms=20)["message"]


def test_memory_at_start_is_refused(host: Host) -> None:
    """So has its memory a limit."""
    assert "memory" in refusal(host, "const all = []; for (;;) all.push({});", memory_bytes=16 * MIB)["message"]


def test_endless_top_level_await_is_refused(host: Host) -> None:
    """Nothing is left that could end it, so the isolate is refused rather than waited for."""
    assert "never" in refusal(host, "await new Promise(() => {}); export default {};")["message"]


@pytest.mark.parametrize("specifier", ["node:fs", "left-pad", "other.js", "./missing.js", "../outside.js", "/main.js"])
def test_unknown_import_is_refused(host: Host, specifier: str) -> None:
    """The refusal names the module that imports and what it imports."""
    sources = {"main.js": f"import {json.dumps(specifier)}; export default {{}};", "other.js": ""}
    message = refusal(host, sources)["message"]
    assert specifier in message
    assert "main.js" in message


def test_missing_export_is_refused(host: Host) -> None:
    """So is the import of a name that a module does not export."""
    why = refusal(host, {"main.js": "import { no } from './b.js'; export default {};", "b.js": "export const yes = 1;"})
    assert why["name"] == "SyntaxError"


def test_dynamic_import_is_a_rejected_promise(host: Host) -> None:
    """import() of anything rejects, in module scope and in a turn, handled or not; the isolate and the host live on."""
    isolate = host.ready(
        "import('./main.js').catch(() => {}); import('node:fs');"
        "export default { async ask(api) { import('./x.js'); api.say(await import('./x.js').catch((e) => e.name)); } };"
    )
    posts = host.call(isolate, "ask").posts
    assert [post[0] for post in posts] == ["exception", "say", "done"]
    assert posts[1][2] == "Error"
    assert host.call(isolate, "ask").kind == "turn"


def test_big_sources_and_scripts_before(host: Host) -> None:
    """A source of megabytes compiles, and a `before` script runs before it."""
    source = "export const big = '" + "x" * (3 * MIB) + "';\nexport const seen = globalThis.early;"
    sources = {
        "main.js": "import { big, seen } from './big.js'; export default { ask(a) { a.say([big.length, seen]); } };",
        "big.js": source,
    }
    isolate = host.ready(sources, before="globalThis.early = 'yes';")
    assert host.call(isolate, "ask").posts[0][2] == [3 * MIB, "yes"]


def test_worker_finds_nothing_of_the_host(host: Host) -> None:
    """Module scope and handlers see neither the prelude's object, nor the host's functions, nor gc."""
    isolate = host.ready(
        "const names = () => Reflect.ownKeys(globalThis).map(String).filter((n) => /isomark|^gc$|ivm/.test(n));"
        "const early = names(); export default { ask(api) { api.say([early, names()]); } };"
    )
    assert host.call(isolate, "ask").posts[0][2] == [[], []]


def test_native_functions(host: Host) -> None:
    """URLs as Node has them, random bytes, digests; refused input is an empty text or an error."""
    isolate = host.ready(
        """
        const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");
        const failing = (run) => { try { run(); } catch (error) { return error.stack; } };
        export default { ask(api) {
          api.say(api.native("parseUrl", "../b?q#h", "http://user:pw@exa\u00e4mple.test:81/a/c"));
          api.say(api.native("parseUrl", "nothing", undefined));
          api.say(api.native("setUrl", "http://a.test/", "pathname", "/x y"));
          api.say(api.native("setUrl", "http://a.test/", "href", "//"));
          const [one, other] = [api.native("random", 16), api.native("random", 16)];
          api.say([one.byteLength, hex(one) !== hex(other)]);
          api.say(hex(api.native("digest", "SHA-256", new ArrayBuffer(0))));
          api.say(failing(() => api.native("digest", "SHA-3", new ArrayBuffer(0))));
        } };
        """
    )
    said = [post[2] for post in host.call(isolate, "ask").posts if post[0] == "say"]
    parts = json.loads(said[0])
    assert parts[1:5] == ["http:", "user", "pw", parts[5] + ":81"]
    assert parts[5].startswith("xn--")
    assert parts[6:] == ["81", "/b", "?q", "#h", f"http://{parts[5]}:81"]
    assert said[1] == ""
    assert json.loads(said[2])[7] == "/x%20y"
    assert said[3] == ""
    assert said[4] == [16, True]
    assert said[5].startswith("e3b0c44298fc1c14")
    assert "no digest SHA-3" in said[6]
    assert ".js:" not in said[6].split("\n")[0]


# --- turns


def test_turns_run_in_order(host: Host) -> None:
    """First come, first served, one message per turn, with its CPU time and the memory held."""
    isolate = host.ready("const seen = []; export default { mark(api, given) { seen.push(given); api.say(seen); } };")
    requests = [host.begin(isolate, "mark", index) for index in range(20)]
    for index, request in enumerate(requests):
        message = host.about(isolate)
        kind, _, rid, cpu_ns, memory_bytes, lengths, active, turn_kind = message.header
        assert (kind, rid, lengths, active, turn_kind) == ("turn", request, [], 0, BEGIN)
        assert cpu_ns > 0
        assert 0 < memory_bytes < 128 * MIB
        assert message.posts == [["say", request, list(range(index + 1))], ["done", request]]


def test_answers_to_ops_go_on_with_the_request(host: Host) -> None:
    """Results and refusals of host calls are turns of the request; one for an unknown request or isolate is ignored."""
    isolate = host.ready(
        """export default { async ask(api) {
          const { value, bin } = await api.op("first");
          api.say([value, new Uint8Array(bin)[1]]);
          await api.op("second").catch(({ value }) => api.say(value));
        } };"""
    )
    message = host.call(isolate, "ask")
    ((_, request, first, handle, method, _, _),) = message.posts
    assert (handle, method) == ("somewhere", "first")
    host.turn(isolate, request + 1_000_000, RESULT, first)
    host.turn(isolate + 1_000_000, request, RESULT, first)
    host.turn(isolate, request, RESULT, first, text='"fine"', data=b"\x01\x02")
    said, again = host.about(isolate).posts
    assert said[2] == ["fine", 2]
    host.turn(isolate, request, FAILED, again[2], text='{"name": "E"}')
    message = host.about(isolate)
    assert message.header[7] == FAILED
    assert message.posts[0][2] == {"name": "E"}
    assert message.posts[1] == ["done", request]


def test_binaries_go_both_ways(host: Host) -> None:
    """Bytes come in with a turn, and go out one after another with the posts; megabytes and nothing alike."""
    isolate = host.ready(
        """export default {
          twice(api, given, bin) {
            api.say([api.binary(bin), api.binary(bin.slice(0, 2)), api.binary(new ArrayBuffer(0))]);
          },
        };"""
    )
    for size in (3, 100_000, 5 * MIB):
        data = os.urandom(size)
        message = host.call(isolate, "twice", data=data)
        assert message.header[5] == [size, 2, 0]
        assert message.data == data + data[:2]
        assert message.posts[0][2] == [0, 1, 2]


def test_text_is_passed_on_as_it_is(host: Host) -> None:
    """Any text comes out as it went in, in frames of any size and in pieces."""
    isolate = host.ready("export default { echo(api, given) { api.say(given); } };")
    for text in ("", "plain", "\u00e4\u20ac\U0001f600 \n\x00", "x" * MIB, "\u20ac" * MIB):
        assert host.call(isolate, "echo", text).posts[0][2] == text


def test_frames_may_come_in_pieces(host: Host) -> None:
    """A frame is taken when it is whole, however it was cut, and several in one piece are all taken."""
    isolate = host.ready(QUIET)
    requests = [next(host.numbers) for _ in range(3)]
    text = b'{"call": "hello"}'
    frames = b""
    for request in requests:
        header = json.dumps(["turn", isolate, request, BEGIN, 0, None]).encode()
        frames += struct.pack("<III", len(header), len(text), 0) + header + text
    for index in range(len(frames) // 2):
        host.wire.sendall(frames[index : index + 1])
    host.wire.sendall(frames[len(frames) // 2 :])
    assert [host.about(isolate).header[2] for _ in requests] == requests


def test_the_client_has_gone(host: Host) -> None:
    """A turn of kind 4 reaches the prelude."""
    isolate = host.ready("export default { wait(api) { return new Promise(() => {}); } };")
    request = host.call(isolate, "wait").header[2]
    host.turn(isolate, request, GONE)
    assert host.about(isolate).posts == [["gone", request]]


def test_unhandled_rejection_is_told(host: Host) -> None:
    """A rejection that nobody handled comes as an exception of the turn's request, whatever was thrown."""
    isolate = host.ready(
        "export default { stray(api, given) { Promise.reject(given === null ? new TypeError('lost') : given); } };"
    )
    posts = host.call(isolate, "stray").posts
    assert posts[0][0] == "exception"
    assert (posts[0][2]["name"], posts[0][2]["message"]) == ("TypeError", "lost")
    assert posts[1][0] == "done"
    assert host.call(isolate, "stray", "just text").posts[0][2]["message"] == "just text"


def test_two_isolates_run_in_parallel(host: Host) -> None:
    """Two turns that never end are open, and have used CPU time, at the same time; a third isolate still answers."""
    source = "export default { spin() { for (;;); }, hello(api) { api.say('hello'); } };"
    first, second, third = (host.ready(source) for _ in range(3))
    host.begin(first, "spin")
    host.begin(second, "spin")
    assert host.next(first).header == ["busy", first, []]
    assert host.next(second).header == ["busy", second, []]  # both turns are open now, and have used CPU time
    assert host.call(third, "hello").posts[0][2] == "hello"
    for isolate in (first, second):
        host.send(["kill", isolate])
        assert is_dead(host.about(isolate), "killed")


def test_busy_gives_back_what_has_not_begun(host: Host) -> None:
    """Past busy_ms of one turn, requests that have not begun are given back, once; later ones at once."""
    isolate = host.ready(
        "export default { async wait(api) { await api.op('x'); api.say('on'); }, spin() { for (;;); } };"
    )
    begun = host.call(isolate, "wait")
    with host.at_once():
        host.begin(isolate, "spin")
        waiting = [host.begin(isolate, "wait") for _ in range(3)]
        host.turn(isolate, waiting[1], GONE)  # of a request that goes elsewhere: it goes too
        host.turn(isolate, begun.header[2], RESULT, begun.posts[0][2])
    assert host.next(isolate).header == ["busy", isolate, waiting]
    late = host.begin(isolate, "wait")
    assert host.next(isolate).header == ["busy", isolate, [late]]
    host.send(["kill", isolate])
    message = host.about(isolate)
    assert is_dead(message, "killed")
    assert message.header[5] == []


def test_a_turn_that_was_busy_is_followed_by_others(host: Host) -> None:
    """After a busy turn the isolate takes requests as before."""
    isolate = host.ready(
        "export default { work() { for (let x = 0, i = 0; i < 6e7; i++) x ^= i * 3; }, hello(api) { api.say(1); } };"
    )
    request = host.begin(isolate, "work")
    assert host.next(isolate).header == ["busy", isolate, []]
    message = host.about(isolate)
    assert message.header[2] == request
    assert message.header[3] > 5_000_000
    assert host.call(isolate, "hello").kind == "turn"


# --- timers


def test_timers_go_off_in_turns_of_their_own(host: Host) -> None:
    """A timer's turn belongs to its request, at its time or later by the isolate's clock; `active` counts those set."""
    isolate = host.ready(
        """export default { wait(api, ms) {
          const begun = api.now();
          return new Promise((resolve) => api.timer(ms, () => { api.say(api.now() - begun); resolve(); }));
        } };"""
    )
    message = host.call(isolate, "wait", 30)
    request = message.header[2]
    assert (message.header[6], message.posts) == (1, [])
    message = host.about(isolate)
    assert message.header[2] == request
    assert message.header[6:] == [0, 3]
    assert message.posts[0][2] >= 30
    assert message.posts[1] == ["done", request]


def test_cancelled_timers_do_not_go_off(host: Host) -> None:
    """Cancelled in the turn that set it, or in a later one."""
    isolate = host.ready(
        """export default { async race(api) {
          api.cancel(api.timer(0, () => api.say("never")));
          const first = api.timer(1e9, () => api.say("never"));
          const second = api.timer(2 ** 40, () => api.say("never"));
          await api.op("x");
          api.cancel(first);
          api.cancel(second);
          await new Promise((resolve) => api.timer(5, resolve));
        } };"""
    )
    message = host.call(isolate, "race")
    request = message.header[2]
    assert message.header[6] == 2
    host.turn(isolate, request, RESULT, message.posts[0][2])
    message = host.about(isolate)
    assert (message.header[6], message.posts) == (1, [])
    message = host.about(isolate)
    assert (message.header[6], message.posts) == (0, [["done", request]])


def test_a_timer_is_cancelled_while_its_turn_waits(host: Host) -> None:
    """It has gone off, but another turn runs; until its own begins it counts as set and can be cancelled."""
    isolate = host.ready(
        """export default {
          async race(api, ms) {
            const timer = api.timer(ms, () => api.say("gone off"));
            await api.op("x");
            api.cancel(timer);
          },
          work() { for (let x = 0, i = 0; i < 1e8; i++) x ^= i * 3; },
        };"""
    )
    for ms in (10, 100, 1000):
        message = host.call(isolate, "race", ms)
        assert message.header[6] == 1
        with host.at_once():
            work = host.begin(isolate, "work")
            host.turn(isolate, message.header[2], RESULT, message.posts[0][2])
        message = host.about(isolate)
        if message.header[2] == work:
            break
        host.about(isolate), host.about(isolate)  # we were too slow: the timer went off before the work began
    assert host.about(isolate).posts == [["done", work - 1]]
    assert host.call(isolate, "race", 1e6).header[6] == 1


def test_timers_of_an_ended_request_are_gone(host: Host) -> None:
    """ "end" drops timers and queued turns, and the prelude hears of it with the next turn."""
    isolate = host.ready(
        """export default {
          tick(api) { api.timer(1, function again() { api.timer(1, again); }); return new Promise(() => {}); },
          ask(api) { api.say(api.ended()); },
        };"""
    )
    request = host.call(isolate, "tick").header[2]
    host.about(isolate)
    host.send(["end", isolate, request])
    host.turn(isolate, request, GONE)
    marker = host.begin(isolate, "ask")
    while (message := host.about(isolate)).header[2] != marker:
        assert message.header[2] == request
    assert message.posts[0][2] == str(request)
    message = host.call(isolate, "ask")
    assert message.posts[0][2] == ""


def test_end_takes_a_waiting_request_out(host: Host) -> None:
    """A request that is over before it began never begins."""
    computing = "ask(api) { for (let round = 0; round < 5e7; round += 1); api.say(1); }"
    isolate = host.ready(f"export default {{ {computing} }};")
    host.send(["settings", {"busy_ms": 60_000}])  # what waits is not given back while the first one computes
    with host.at_once():
        first, second = host.begin(isolate, "ask"), host.begin(isolate, "ask")
        host.send(["end", isolate, second])
        third = host.begin(isolate, "ask")
    answered = [host.about(isolate).header[2] for _ in range(2)]
    host.send(["settings", {"busy_ms": 5}])
    assert answered == [first, third]


# --- CPU time


@pytest.mark.parametrize("what", list(SPINNING))
def test_computing_past_the_limit_ends_the_isolate(host: Host, what: str) -> None:
    """Whatever computes is ended at its limit, with its request and CPU time; a bystander goes on all the while."""
    bystander = host.ready(QUIET)
    isolate = host.ready(f"export default {{ {SPINNING[what]} }};")
    request = host.begin(isolate, "spin", limit_ms=30)
    assert host.call(bystander, "hello").posts[0][2] == "hello"
    message = host.about(isolate)
    assert is_dead(message, "exceededCpu"), message
    assert message.header[3] == request
    assert message.header[4] >= 30_000_000
    assert host.call(bystander, "hello").posts[0][2] == "hello"


def test_cpu_time_adds_up_over_turns(host: Host) -> None:
    """A request that computes a little in each of many turns is ended when they add up to its limit."""
    isolate = host.ready(
        """export default { async steps(api) {
          for (;;) {
            for (let x = 0, i = 0; i < 3e5; i++) x ^= i * 3;
            await new Promise((resolve) => api.timer(0, resolve));
          }
        } };"""
    )
    request = host.begin(isolate, "steps", limit_ms=30)
    turns, spent_ns = 0, 0
    while (message := host.about(isolate)).kind != "dead":
        if message.kind == "turn":
            turns += 1
            spent_ns += message.header[3]
    assert is_dead(message, "exceededCpu")
    assert message.header[3] == request
    assert turns > 1
    assert spent_ns <= 30_000_000 <= spent_ns + message.header[4]


def test_a_turn_that_ends_past_the_limit_counts(host: Host) -> None:
    """Even if nobody looked while it ran; unless the request was done with it."""
    source = "export default { async work(api, stays) { if (stays) await api.op('x'); } };"
    isolate = host.ready(source)
    for _ in range(50):
        request = host.begin(isolate, "work", False, limit_ms=1e-6)
        message = host.about(isolate)
        if message.kind == "turn":
            break
        isolate = host.ready(source)  # somebody did look: the machine is busy
    assert message.posts == [["done", request]]
    host.begin(isolate, "work", True, limit_ms=1e-6)
    assert is_dead(host.about(isolate), "exceededCpu")


def test_without_a_limit_nothing_is_ended(host: Host) -> None:
    """A null limit is none."""
    isolate = host.ready("export default { work(api) { for (let x = 0, i = 0; i < 1e8; i++) x ^= i * 3; } };")
    request = host.begin(isolate, "work")
    message = host.about(isolate)
    assert message.posts == [["done", request]]


def test_finalizers_are_watched_too(host: Host) -> None:
    """Code that runs when no turn does is ended as well, by nobody's fault but the isolate's."""
    isolate = host.ready(
        """const registry = new FinalizationRegistry(() => { for (;;); });
        export default { leave() {
          for (let i = 0; i < 1000; i++) registry.register({}, i);
          for (let all = [], i = 0; i < 4e6; i++) { all.push({ i }); if (all.length > 1e5) all = []; }
        } };"""
    )
    host.begin(isolate, "leave")
    while (message := host.about(isolate)).kind != "dead":
        pass
    assert is_dead(message, "exceededCpu")
    assert message.header[3] is None


# --- memory


def test_heap_past_the_limit_ends_the_isolate(host: Host) -> None:
    """The isolate ends within the turn; requests that had not begun are listed, those begun are not."""
    bystander = host.ready(QUIET)
    isolate = host.ready(
        HEAP_BOMB.replace("bomb()", "wait(api) { return api.op('x'); }, bomb()"), memory_bytes=64 * MIB
    )
    begun = host.call(isolate, "wait").header[2]
    with host.at_once():
        bomb = host.begin(isolate, "bomb")
        waiting = [host.begin(isolate, "wait") for _ in range(2)]
    given_back: list[int] = []
    while (message := host.next(isolate)).kind == "busy":
        given_back += message.header[2]
    assert is_dead(message, "exceededMemory"), message
    assert message.header[3] == bomb
    assert given_back + message.header[5] == waiting
    assert begun not in given_back
    host.turn(isolate, begun, RESULT, 1)
    assert host.call(bystander, "hello").posts[0][2] == "hello"


def test_array_buffers_past_the_limit_end_the_isolate(host: Host) -> None:
    """Also when the Worker caught the engine's RangeError and lives on at the limit."""
    isolate = host.ready(
        """const all = []; export default { bomb(api) {
          try { for (;;) all.push(new Uint8Array(1 << 20).fill(1)); } catch (error) { api.say(error.name); }
        } };""",
        memory_bytes=64 * MIB,
    )
    host.begin(isolate, "bomb")
    message = host.about(isolate)
    assert is_dead(message, "exceededMemory"), message


def test_webassembly_counts_as_the_prelude_says(host: Host) -> None:
    """What the prelude reports of WebAssembly memory counts, and is remembered until it reports again."""
    isolate = host.ready("export default { take(api, bytes) { api.wasm(bytes); api.say(1); }, quiet() {} };")
    assert host.call(isolate, "take", 100 * MIB).header[4] > 100 * MIB
    assert host.call(isolate, "quiet").header[4] > 100 * MIB
    assert host.call(isolate, "take", 0).header[4] < 100 * MIB
    host.begin(isolate, "take", 128 * MIB)
    assert is_dead(host.about(isolate), "exceededMemory")


@pytest.mark.parametrize("settings", [{"count_buffers": False}, {"count_wasm": False}, {"wasm_weight": 0}])
def test_what_is_not_to_be_counted_is_not(host: Host, settings: dict[str, object]) -> None:
    """The settings say what counts; the engine's own limit is set apart."""
    isolate = host.ready(
        """const all = []; export default { take(api, given) {
          if (given) api.wasm(200 << 20); else for (let i = 0; i < 200; i++) all.push(new ArrayBuffer(1 << 20));
          api.say(1);
        } };""",
        backstop_bytes=1024 * MIB,
        **settings,
    )
    message = host.call(isolate, "take", "count_buffers" not in settings)
    assert message.header[4] < 128 * MIB


def test_garbage_is_collected_before_judging(host: Host) -> None:
    """An isolate that is over its limit by garbage alone lives on, and holds less afterwards."""
    isolate = host.ready(
        "export default { litter(api) { for (let i = 0; i < 40; i++) new Uint8Array(1 << 20).fill(1); api.say(1); } };",
        memory_bytes=20 * MIB,
        backstop_bytes=256 * MIB,
    )
    for _ in range(3):
        assert host.call(isolate, "litter").header[4] < 20 * MIB


def test_the_limit_can_be_changed(host: Host) -> None:
    """ "memory" sets what the isolate may hold from then on."""
    isolate = host.ready("export default { take(api) { api.wasm(64 << 20); api.say(1); } };")
    host.call(isolate, "take")
    host.send(["memory", isolate, 32 * MIB])
    host.begin(isolate, "take")
    assert is_dead(host.about(isolate), "exceededMemory")


def test_what_does_not_fit_in_ends_the_isolate(host: Host) -> None:
    """Bytes for which the isolate has no room end it; its request does not wait for ever."""
    isolate = host.ready(
        "export default { take(api, given, bin) { api.say(bin.byteLength); } };", memory_bytes=16 * MIB
    )
    host.begin(isolate, "take", data=bytes(64 * MIB))
    assert is_dead(host.about(isolate), "exceededMemory")


def test_an_isolate_the_engine_lost_is_dead(host: Host) -> None:
    """Where V8 gives an isolate up altogether, its request and the host's other isolates go on."""
    isolate = host.ready(
        "export default { bomb() { const all = new Map(); for (let i = 0; ; i++) all.set(i, {}); } };",
        memory_bytes=16 * MIB,
    )
    host.begin(isolate, "bomb")
    message = host.about(isolate)
    assert is_dead(message, "exceededMemory"), message
    assert host.call(host.ready(QUIET), "hello").posts[0][2] == "hello"


# --- ends


def test_kill_is_answered_once(host: Host) -> None:
    """By "dead" with what had not begun; nothing about the isolate follows, whatever is sent to it."""
    isolate = host.isolate(QUIET)
    waiting = [host.begin(isolate, "hello") for _ in range(3)]
    host.send(["kill", isolate])
    messages = [host.about(isolate)]
    while messages[-1].kind != "dead":
        messages.append(host.about(isolate))
    assert is_dead(messages[-1], "killed")
    served = [message.header[2] for message in messages if message.kind == "turn"]
    assert served + messages[-1].header[5] == waiting
    host.begin(isolate, "hello")
    host.send(["kill", isolate])
    host.send(["end", isolate, waiting[0]])
    assert host.call(host.ready(QUIET), "hello").kind == "turn"
    assert not host.kept(isolate)


@pytest.mark.parametrize("ending", ["close", "half-close"])
def test_the_host_ends_with_its_socket(tmp_path: Path, ending: str) -> None:
    """At once, also while an isolate computes and another holds buffers past its limit."""
    host = Host.start(tmp_path)
    spinning = host.ready("export default { spin() { for (;;); } };")
    host.begin(spinning, "spin")
    assert host.next(spinning).kind == "busy"
    if ending == "close":
        host.wire.close()
    else:
        host.wire.shutdown(1)
    _, status = os.waitpid(host.pid, 0)
    host.wire.close()
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_a_broken_prelude_ends_the_host(tmp_path: Path) -> None:
    """A prelude without the functions an isolate is made with is found at the start."""
    host = Host.start(tmp_path, {"order.json": '["a.js"]', "a.js": "globalThis.__isomark = {};"})
    _, status = os.waitpid(host.pid, 0)
    host.wire.close()
    assert os.waitstatus_to_exitcode(status) not in (0, -signal.SIGKILL)


def test_warm_up_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file warm.js in the prelude's folder runs while the snapshot is made; isolates do not see what it did."""
    prelude = (
        "let count = 0; globalThis.__isomark = { configure: () => `${count}`, deliver() { count++; }, drain: () => '',"
    )
    prelude += " drainBinary: () => [] };"
    files = {"order.json": '["a.js"]', "a.js": prelude, "warm.js": "__isomark.deliver(); globalThis.left = 1;"}
    host = Host.start(tmp_path, files)
    try:
        message = host.about(host.isolate("if (globalThis.left) throw new Error('left'); export default {};"))
        assert (message.kind, message.text) == ("ready", "0")
    finally:
        host.close()
