"""Host calls about bodies: an isolate reads what came in, and writes what goes out."""

from __future__ import annotations

from collections.abc import Callable

from harness.adapters.reference.control.bodies import Body
from harness.adapters.reference.control.capabilities import Answer, Call, Refusal
from harness.adapters.reference.control.invocation import Invocation


async def on_a_body(call: Call, body_of: Callable[[Invocation, int], Body | None]) -> Answer:
    """`body_of`: the body that an invocation may read by that handle. Raises `Refusal` and `BodyBroken`."""
    invocation, (which, *rest) = call.invocation, call.arguments
    if call.method in ("read", "cancel"):
        body = body_of(invocation, which)
        if body is None:
            raise Refusal("a body that is not this request's", "TypeError")
        if call.method == "cancel":
            body.close()
            return Answer()
        chunk = await body.read()
        return Answer(bool(chunk), chunk)
    pipe = invocation.guest_bodies.get(which)
    if pipe is None:
        raise Refusal("a body that is not this request's", "TypeError")
    if call.method == "write":
        await pipe.write(call.data)
        return Answer()
    del invocation.guest_bodies[which]  # nothing more will come: what hangs now is not the body
    if call.method == "end":
        pipe.end()
    else:
        pipe.fail(str(rest[0]) if rest else "the stream failed")
    return Answer()
