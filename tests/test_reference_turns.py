"""The isolate host of the reference runtime: turns of requests, and timers."""

from __future__ import annotations

import json
import os
import struct

from tests.host_wire import BEGIN, FAILED, GONE, MIB, RESULT, Host
from tests.isolate_host import QUIET, is_dead


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
        """export default {
          work(api, rounds) { for (let x = 0, i = 0; i < rounds; i++) x ^= i * 3; },
          hello(api) { api.say(1); },
        };"""
    )
    for rounds in (60_000_000, 600_000_000, 2_400_000_000):
        request = host.begin(isolate, "work", rounds)
        message = host.next(isolate)
        if message.kind == "busy":
            break  # else the host had no core while it ran: it was over before anybody looked
    assert message.header == ["busy", isolate, []]
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
    computing = "ask(api, rounds) { for (let round = 0; round < rounds; round += 1); api.say(1); }"
    isolate = host.ready(f"export default {{ {computing} }};")
    with host.never_busy():  # what waits is not given back while the first one computes
        for rounds in (50_000_000, 500_000_000, 2_000_000_000):
            with host.at_once():
                first, second = host.begin(isolate, "ask", rounds), host.begin(isolate, "ask", 1)
                host.send(["end", isolate, second])
                third = host.begin(isolate, "ask", 1)
            answered = [host.about(isolate).header[2] for _ in range(2)]
            if answered[1] != second:
                break
            host.about(isolate)  # the host had no core: the second one had begun before its end was read
    assert answered == [first, third]
