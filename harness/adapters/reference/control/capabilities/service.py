"""Service bindings: another Worker of the application, called in place, with accounts of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.adapters.reference.control.capabilities import Answer, Call, Counted, Refusal, no_such_method
from harness.adapters.reference.control.invocation import Begin
from harness.adapters.reference.control.messages import body_from_guest, message_to_guest, request_event
from harness.adapters.reference.control.replies import Answered, CallFailed, CallReply

if TYPE_CHECKING:
    from harness.adapters.reference.control.platform import Platform


class ServiceCapability:
    """`entrypoint`: None for the default export."""

    counted = Counted.INTERNAL

    def __init__(self, platform: Platform, worker: str, entrypoint: str | None) -> None:
        self._platform = platform
        self.worker = worker
        self._entrypoint = entrypoint

    async def call(self, call: Call) -> Answer:
        match call.method, call.arguments:
            case "fetch", [dict() as asked]:
                body = body_from_guest(call.invocation, asked["body"], call.binaries)
                begin = request_event("fetch", asked, body, entrypoint=self._entrypoint)
            case "rpc", [str() as method, coded]:
                content = {"type": "rpc", "entrypoint": self._entrypoint, "method": method, "args": coded}
                begin = Begin(event="rpc", content=content)
            case _:
                raise no_such_method(self, call.method)
        # Looked up at every call: a redeployed Worker is met by the next one.
        return await answer_of(call, self._platform, self.worker, begin)


async def answer_of(call: Call, platform: Platform, worker: str, begin: Begin, *, place: str | None = None) -> Answer:
    """Deliver an event to a Worker and wait for what it comes to. Raises `Refusal` with the callee's exception."""
    reply = CallReply()
    callee = platform.begin(platform.deployment(worker), begin, reply, place=place)
    try:
        answer = await reply.answer
    except CallFailed as error:
        failure = error.failure
        raise Refusal(failure.message, failure.name, failure.coded) from error
    except BaseException:  # the caller is gone
        platform.client_gone(callee)
        raise
    if isinstance(answer, Answered):
        return message_to_guest(call.invocation, answer.status, answer.reason, answer.headers, answer.body)
    return Answer(answer)
