"""What an isolate says of a request in a turn, and what it means for that request alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from harness.adapters.reference.control.capabilities import Refusal
from harness.adapters.reference.control.invocation import Failure, Invocation
from harness.adapters.reference.control.messages import body_from_guest
from harness.runtime import Outcome

Post = list[Any]
"""Its kind, the request it is about, and what belongs to the kind."""

_POSTS = msgspec.json.Decoder(list[list[Any]])
_MOST_LOGS = 256


def decoded(text: memoryview) -> list[Post]:
    """The posts of a turn. JavaScript's text may hold half a surrogate pair, which strict JSON does not take."""
    try:
        return _POSTS.decode(text)
    except msgspec.DecodeError:
        return list(json.loads(bytes(text)))


def cut(data: memoryview, lengths: list[int]) -> list[bytes]:
    """The binaries of a turn, which came as one."""
    pieces, at = [], 0
    for length in lengths:
        pieces.append(bytes(data[at : at + length]))
        at += length
    return pieces


def answer_failure(invocation: Invocation, failure: Failure) -> None:
    """Whoever waits for its answer, or for more of it, is told. Safe to call again."""
    for pipe in invocation.guest_bodies.values():
        pipe.fail(failure.message)
    if not invocation.answered:
        invocation.answered = True
        invocation.reply.failed(failure)


def _respond(invocation: Invocation, post: Post, binaries: list[bytes]) -> None:
    _, _, head = post
    try:
        body = body_from_guest(invocation, head["body"], binaries)
    except Refusal as error:
        answer_failure(invocation, Failure(outcome=Outcome.EXCEPTION, message=error.message))
        return
    invocation.answered = True
    invocation.reply.responded(head["status"], head["statusText"], head["headers"], body)


def _return(invocation: Invocation, post: Post, _binaries: list[bytes]) -> None:
    invocation.answered = True
    invocation.reply.returned(post[2])


def _fail(invocation: Invocation, post: Post, binaries: list[bytes]) -> None:
    _exception(invocation, post, binaries)
    if invocation.outcome is Outcome.OK:
        invocation.outcome = Outcome.EXCEPTION
    error = post[2]
    failure = Failure(
        outcome=Outcome.EXCEPTION,
        name=error["name"],
        message=error["message"],
        stack=error.get("stack") or "",
        coded=error.get("coded"),
    )
    answer_failure(invocation, failure)


def _exception(invocation: Invocation, post: Post, _binaries: list[bytes]) -> None:
    error = post[2]
    invocation.exceptions.append({"name": error["name"], "message": error["message"]})


def _settled(invocation: Invocation, _post: Post, _binaries: list[bytes]) -> None:
    invocation.settled = True


def _passes_through(invocation: Invocation, _post: Post, _binaries: list[bytes]) -> None:
    invocation.pass_through = True


def _log(invocation: Invocation, post: Post, _binaries: list[bytes]) -> None:
    _, _, level, text = post
    if len(invocation.logs) < _MOST_LOGS:
        invocation.logs.append({"level": level, "message": [text]})
    print(f"{invocation.deployment.worker.name} {level}: {text}", file=sys.stderr)


OF_A_REQUEST: Mapping[str, Callable[[Invocation, Post, list[bytes]], None]] = {
    "respond": _respond,
    "return": _return,
    "fail": _fail,
    "exception": _exception,
    "settled": _settled,
    "passthrough": _passes_through,
    "log": _log,
}
"""By kind. The two others, `op` and `done`, are the platform's to answer."""
