"""The isolate host of the reference runtime: CPU time and memory of its isolates."""

from __future__ import annotations

import pytest

from tests.host_wire import MIB, RESULT, TIMER, Host
from tests.isolate_host import HEAP_BOMB, QUIET, SPINNING, is_dead


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
    source = """export default { async steps(api) {
      for (;;) {
        for (let x = 0, i = 0; i < 3e5; i++) x ^= i * 3;
        await new Promise((resolve) => api.timer(0, resolve));
      }
    } };"""
    for _ in range(8):
        isolate = host.ready(source)
        request = host.begin(isolate, "steps", limit_ms=30)
        turns, spent_ns = 0, 0
        while (message := host.about(isolate)).kind != "dead":
            if message.kind == "turn":
                turns += 1
                spent_ns += message.header[3]
                assert spent_ns <= 30_000_000
        assert is_dead(message, "exceededCpu")
        assert message.header[3] == request
        assert spent_ns + message.header[4] >= 30_000_000
        if turns > 1:
            break  # else the machine was so slow that one turn alone came near the limit
    assert turns > 1


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


def test_finalizers_are_watched_during_a_collection(host: Host) -> None:
    """Code that runs in the forced collection of an isolate over its limit is ended as well, and so is the request."""
    isolate = host.ready(
        """const registry = new FinalizationRegistry(() => { for (;;); });
        export default { leave() {
          for (let i = 0; i < 1000; i++) registry.register({}, i);
          for (let i = 0; i < 30; i++) new Uint8Array(1 << 20).fill(1);
        } };""",
        memory_bytes=20 * MIB,
        backstop_bytes=256 * MIB,
    )
    request = host.begin(isolate, "leave")
    message = host.about(isolate)
    assert is_dead(message, "exceededCpu"), message
    assert message.header[3] == request


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


def test_what_a_collection_sets_free_is_told(host: Host) -> None:
    """Finalizers that run in the forced collection may post: bytes and text reach control, behind those of the turn."""
    isolate = host.ready(
        """let api;
        const registry = new FinalizationRegistry((kept) => {
          if (kept === 0) api.say(["set free", api.binary(new ArrayBuffer(3))]);
        });
        export default { litter(given) {
          api = given;
          for (let i = 0; i < 1000; i++) registry.register({}, i);
          for (let i = 0; i < 30; i++) new Uint8Array(1 << 20).fill(1);
          api.say(["turn", api.binary(new ArrayBuffer(2))]);
        } };""",
        memory_bytes=20 * MIB,
        backstop_bytes=256 * MIB,
    )
    message = host.call(isolate, "litter")
    assert message.posts == [["say", message.header[2], ["turn", 0]], ["done", message.header[2]]]
    assert message.header[5] == [2]
    late = host.about(isolate)
    assert late.posts == [["say", message.header[2], ["set free", 0]]]
    assert late.header[5] == [3]
    assert (late.header[3], late.header[7]) == (0, TIMER)  # no CPU time of its own, and not asked for


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
