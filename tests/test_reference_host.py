"""The isolate host of the reference runtime, alone: how it and its isolates start, and end."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.host_wire import MIB, Host
from tests.isolate_host import QUIET, is_dead, refusal


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
