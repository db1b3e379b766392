"""HTTP messages and bodies on their way into an isolate and out of it."""

from __future__ import annotations

from typing import Any

from harness.adapters.reference.control.bodies import Body, InlineBody, PipeBody
from harness.adapters.reference.control.capabilities import Answer, Refusal
from harness.adapters.reference.control.invocation import Begin, Invocation


def body_to_guest(invocation: Invocation, body: Body | None) -> tuple[Any, bytes]:
    """How a body is described to the isolate, and the bytes that travel with the description."""
    if body is None:
        return None, b""
    if isinstance(body, InlineBody):
        return {"inline": True}, body.take()
    return {"stream": invocation.keep_body(body), "length": body.length}, b""


def body_from_guest(invocation: Invocation, described: Any, binaries: list[bytes]) -> Body | None:
    """The body an isolate describes. Raises `Refusal` for one that is not the invocation's."""
    match described:
        case None:
            return None
        case {"text": str() as text}:
            return InlineBody(text.encode("utf-8", "replace"))
        case {"bin": int() as index}:
            return InlineBody(binaries[index])
        case {"stream": int() as handle} if handle in invocation.bodies:
            return invocation.bodies.pop(handle)
        case {"guest": int() as number}:
            pipe = PipeBody(described.get("length"))
            invocation.guest_bodies[number] = pipe
            return pipe
    raise Refusal("a body that is not this request's", "TypeError")


def message_to_guest(
    invocation: Invocation, status: int, reason: str, headers: list[tuple[str, str]], body: Body | None
) -> Answer:
    """A response, as the answer of a call."""
    described, data = body_to_guest(invocation, body)
    return Answer({"status": status, "statusText": reason, "headers": headers, "body": described}, data)


def request_event(kind: str, asked: dict[str, Any], body: Body | None, *, entrypoint: str | None = None) -> Begin:
    """The event of a request that another Worker made."""
    request = {"url": asked["url"], "method": asked["method"], "headers": asked["headers"]}
    return Begin(event="fetch", content={"type": kind, "entrypoint": entrypoint, "request": request}, body=body)
