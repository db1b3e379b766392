"""The isolate host of the reference runtime, alone, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host_wire import Host, Message

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
