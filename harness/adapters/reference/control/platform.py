"""The platform at work: events become invocations, invocations enter isolates, host calls meet capabilities."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from harness.adapters.reference.control.bodies import Body, BodyBroken, InlineBody
from harness.adapters.reference.control.body_operations import on_a_body
from harness.adapters.reference.control.capabilities import Answer, Call, Capability, Refusal
from harness.adapters.reference.control.deployment import Deployment, Export
from harness.adapters.reference.control.endings import end_of_a_deploy, end_of_a_request
from harness.adapters.reference.control.invocation import Begin, Failure, Invocation, Reply
from harness.adapters.reference.control.isolates import Isolate, Pool
from harness.adapters.reference.control.ledger import Ledger
from harness.adapters.reference.control.messages import body_to_guest
from harness.adapters.reference.control.policy import MemoryPolicy, Policy
from harness.adapters.reference.control.posts import OF_A_REQUEST, answer_failure, cut, decoded
from harness.adapters.reference.control.subrequests import SubrequestRules
from harness.adapters.reference.control.wire import HostLink
from harness.runtime import Outcome

BEGIN, RESULT, REFUSED, TIMER, GONE = range(5)
"""Kinds of turns."""


class Platform:
    """Every decision about a running application; the isolates themselves are the host's."""

    def __init__(self, policy: Policy, ledger: Ledger, *, cpu_limited: bool = True) -> None:
        self.policy = policy
        self.cpu_limited = cpu_limited
        self.ledger = ledger
        self.subrequests = SubrequestRules()
        self.deployments: dict[str, Deployment] = {}
        self.invocations: dict[int, Invocation] = {}
        self.isolates: dict[int, Isolate] = {}
        self.link: HostLink
        self.pool_kind: type[Pool] = Pool
        self.unattributed_cpu_ns = 0
        self.finished: Callable[[Invocation], object] = ledger.end
        """Told of every invocation that is over; enters it into the accounts."""
        self._request_ids = itertools.count(1)
        self._isolate_numbers = itertools.count(1)
        self._starting: dict[int, asyncio.Future[tuple[Export, ...]]] = {}
        self._loop = asyncio.get_running_loop()
        self.on = {"turn": self._turn_ended, "ready": self._ready, "busy": self._busy, "dead": self._dead}
        self.on_post = {**OF_A_REQUEST, "op": self._operation, "done": self._done}

    # --- events in

    def deployment(self, worker: str) -> Deployment:
        return self.deployments[worker]

    def begin(self, deployment: Deployment, event: Begin, reply: Reply, *, place: str | None = None) -> Invocation:
        """Deliver an event to a Worker."""
        invocation = Invocation(next(self._request_ids), deployment, event, reply, deployment.limits)
        invocation.place = place
        self.invocations[invocation.request_id] = invocation
        self.ledger.begin(invocation)
        deployment.pool.place(invocation)
        return invocation

    def client_gone(self, invocation: Invocation) -> None:
        """Nobody waits for the answer any more: the Worker is told, and given a while to end what it does."""
        if invocation.over or invocation.gone:
            return
        invocation.gone = True
        if invocation.isolate is None:
            self.finish(invocation, Outcome.CANCELED)
            return
        for pipe in invocation.guest_bodies.values():
            pipe.close()
        self._send_turn(invocation, GONE, 0)
        self._end_after_grace(invocation)

    # --- the pool's host

    def new_pool(self, deployment: Deployment) -> Pool:
        return self.pool_kind(deployment, self, self.policy.pool, len(os.sched_getaffinity(0)))

    def make(self, deployment: Deployment) -> Isolate:
        isolate = Isolate(next(self._isolate_numbers), deployment)
        self.isolates[isolate.number] = isolate
        settings = {
            "main": deployment.worker.main,
            "start_cpu_ms": self.policy.cpu.start_ms,
            **dataclasses.asdict(self.memory_of(deployment)),
        }
        self.link.send(["isolate", isolate.number, settings], deployment.code(io_ownership=self.policy.io_ownership))
        return isolate

    def memory_of(self, deployment: Deployment) -> MemoryPolicy:
        """The limit of one isolate: the same for every Worker, whatever it is configured with."""
        return self.policy.memory

    def dispose(self, isolate: Isolate) -> None:
        self.link.send(["kill", isolate.number])

    def enter(self, isolate: Isolate, invocation: Invocation) -> None:
        invocation.isolate = isolate
        invocation.isolate_name = isolate.name
        isolate.in_flight[invocation.request_id] = invocation
        begin = invocation.begin
        content = begin.content
        body, data = body_to_guest(invocation, begin.body)
        if data:
            begin.body = InlineBody(data)  # an isolate that is at capacity gives the request back, and not its bytes
        if "request" in content:
            content = {**content, "request": {**content["request"], "body": body}}
        self._send_turn(invocation, BEGIN, 0, msgspec.json.encode(content), data, self.cpu_limit_ns(invocation))

    def cpu_limit_ns(self, invocation: Invocation) -> int | None:
        """What the watchdog is set to; None sets none."""
        return invocation.limits.cpu_ns if self.cpu_limited else None

    def busy_isolates(self) -> int:
        return sum(isolate.busy for isolate in self.isolates.values())

    async def try_out(self, deployment: Deployment) -> None:
        """Run the code once, as a deploy does, and learn its exports. Raises `ScriptError`."""
        isolate = self.make(deployment)
        self._starting[isolate.number] = self._loop.create_future()
        deployment.exports = await self._starting[isolate.number]
        self.dispose(isolate)
        deployment.check_exports()

    # --- messages from the host

    def receive(self, header: list[Any], text: memoryview, data: memoryview) -> None:
        handle = self.on.get(header[0])
        isolate = self.isolates.get(header[1]) if handle is not None else None
        if handle is not None and isolate is not None:
            handle(isolate, header, text, data)

    def _ready(self, isolate: Isolate, header: list[Any], text: memoryview, data: memoryview) -> None:
        starting = self._starting.pop(isolate.number, None)
        if starting is not None:
            starting.set_result(tuple(msgspec.json.decode(text, type=list[Export])))
        else:
            isolate.deployment.pool.became_warm(isolate)

    def _busy(self, isolate: Isolate, header: list[Any], text: memoryview, data: memoryview) -> None:
        isolate.deployment.pool.at_capacity(isolate, self._taken_back(isolate, header[2]))

    def _taken_back(self, isolate: Isolate, request_ids: list[int]) -> list[Invocation]:
        taken = []
        for request_id in request_ids:
            invocation = isolate.in_flight.pop(request_id, None)
            if invocation is not None and not invocation.over:
                invocation.isolate = None
                invocation.sent_turns = 0
                self._recover_body(invocation)
                taken.append(invocation)
        return taken

    @staticmethod
    def _recover_body(invocation: Invocation) -> None:
        """A request that begins elsewhere takes its body along: a stream was never read, bytes were kept."""
        if invocation.bodies:
            invocation.begin.body = invocation.bodies.popitem()[1]

    def _turn_ended(self, isolate: Isolate, header: list[Any], text: memoryview, data: memoryview) -> None:
        _, _, request_id, cpu_ns, _, lengths, active, kind = header
        if isolate.busy:
            isolate.deployment.pool.has_room_again(isolate)
        invocation = self.invocations.get(request_id)
        if invocation is None:
            self.unattributed_cpu_ns += cpu_ns
        else:
            self.charge(invocation, cpu_ns)
            if kind != TIMER:
                invocation.sent_turns -= 1
            invocation.active = active
        if text:
            binaries = cut(data, lengths)
            for post in decoded(text):
                # Of another request, for which it went on; or of nobody's, by code that ran in this turn all the same.
                about = invocation if post[1] in (request_id, 0) else self.invocations.get(post[1])
                if about is not None:  # else it is over
                    self.on_post[post[0]](about, post, binaries)
        if invocation is not None and not invocation.over:
            self.end_if_stuck(invocation)

    def charge(self, invocation: Invocation, cpu_ns: int) -> None:
        invocation.cpu_ns += cpu_ns

    def _dead(self, isolate: Isolate, header: list[Any], text: memoryview, data: memoryview) -> None:
        _, number, reason, request_id, cpu_ns, unstarted = header
        del self.isolates[number]
        starting = self._starting.pop(number, None)
        if starting is not None:
            starting.set_exception(end_of_a_deploy(isolate.deployment.worker.name, reason, bytes(text)))
            return
        returned = self._taken_back(isolate, unstarted)
        was_running = isolate.in_flight.get(request_id) if request_id is not None else None
        if was_running is not None:
            self.charge(was_running, cpu_ns)
        for invocation in list(isolate.in_flight.values()):
            failure = end_of_a_request(reason, invocation is was_running, text)
            self.finish(invocation, failure.outcome, failure)
        pool = isolate.deployment.pool
        if reason == "refused":  # its code ran when it was deployed, and does not now: nobody who waits can be served
            for invocation in pool.abandon():
                failure = end_of_a_request(reason, False, text)
                self.finish(invocation, failure.outcome, failure)
        pool.gone(isolate, returned)

    # --- what isolates ask for

    def _operation(self, invocation: Invocation, post: list[Any], binaries: list[bytes]) -> None:
        _, _, number, handle, method, arguments, binary = post
        if invocation.over:
            return
        invocation.open_ops += 1
        data = b"" if binary is None else binaries[binary]
        call = Call(invocation, method, arguments, data, binaries)
        task = self._loop.create_task(self._call(call, number, handle))
        invocation.tasks.add(task)
        task.add_done_callback(invocation.tasks.discard)

    async def _call(self, call: Call, number: int, handle: str) -> None:
        invocation = call.invocation
        try:
            if handle == "body":
                answer = await on_a_body(call, self.body_of)
            else:
                capability = invocation.deployment.capabilities.get(handle)
                if capability is None:
                    raise Refusal("no such binding", "TypeError")
                answer = await self.perform(call, capability)
            kind, text, data = RESULT, msgspec.json.encode(answer.value), answer.data
        except Refusal as error:
            refused = {"name": error.name, "message": error.message, "coded": error.coded}
            kind, text, data = REFUSED, msgspec.json.encode(refused), b""
        except BodyBroken as error:
            kind, text, data = REFUSED, msgspec.json.encode({"name": "Error", "message": str(error)}), b""
        except Exception as error:  # noqa: BLE001 - a fault of the platform's must not leave the Worker waiting
            print(f"internal error in {call.method}: {error!r}", file=sys.stderr)
            kind, text, data = REFUSED, msgspec.json.encode({"name": "Error", "message": "internal error"}), b""
        if not invocation.over:
            invocation.open_ops -= 1
            self._send_turn(invocation, kind, number, text, data)

    async def perform(self, call: Call, capability: Capability) -> Answer:
        """Count it, and let the capability answer. Raises `Refusal`."""
        self.subrequests.admit(call.invocation, capability.counted, call)
        return await capability.call(call)

    def body_of(self, invocation: Invocation, handle: int) -> Body | None:
        """An invocation reads its own bodies only."""
        return invocation.bodies.get(handle)

    # --- turns and ends

    def _done(self, invocation: Invocation, post: list[Any], binaries: list[bytes]) -> None:
        self.finish(invocation, Outcome.CANCELED if invocation.gone else invocation.outcome)

    def _send_turn(
        self,
        invocation: Invocation,
        kind: int,
        number: int,
        text: bytes = b"",
        data: bytes = b"",
        limit_ns: int | None = None,
    ) -> None:
        assert invocation.isolate is not None
        invocation.sent_turns += 1
        header = ["turn", invocation.isolate.number, invocation.request_id, kind, number, limit_ns]
        self.link.send(header, text, data)

    def end_if_stuck(self, invocation: Invocation) -> None:
        """Nothing is on its way to it and it waits for nothing: it will never go on by itself."""
        if invocation.open_ops or invocation.sent_turns or invocation.active:
            if invocation.settled and invocation.wall_timer is None:
                self._end_after_grace(invocation)
            return
        if invocation.answered and not invocation.guest_bodies:
            self.finish(invocation, invocation.outcome)
            return
        message = "The Worker's code had hung and would never generate a response."
        failure = Failure(outcome=Outcome.EXCEPTION, message=message)
        answer_failure(invocation, failure)
        self.finish(invocation, Outcome.EXCEPTION)

    def _end_after_grace(self, invocation: Invocation) -> None:
        invocation.wall_timer = self._loop.call_later(
            self.policy.pool.wait_until_ms / 1000, self.finish, invocation, Outcome.CANCELED
        )

    def finish(self, invocation: Invocation, outcome: Outcome, failure: Failure | None = None) -> None:
        """The end of an invocation, however it came. Safe to call again."""
        if invocation.over:
            return
        invocation.ended_ns = time.monotonic_ns()
        invocation.outcome = outcome
        self.invocations.pop(invocation.request_id, None)
        if invocation.wall_timer is not None:
            invocation.wall_timer.cancel()
        reason = failure or Failure(outcome=outcome, message="The request was cut off.")
        answer_failure(invocation, reason)
        for task in list(invocation.tasks):
            if task is not _current_task():
                task.cancel()
        for body in invocation.bodies.values():
            body.close()
        isolate = invocation.isolate
        if isolate is not None:
            isolate.in_flight.pop(invocation.request_id, None)
            if isolate.number in self.isolates:
                self.link.send(["end", isolate.number, invocation.request_id])
                isolate.deployment.pool.left(isolate)
        self.finished(invocation)

    async def evict_for_ever(self) -> None:
        """Look for idle isolates, a few times within the time they may be idle."""
        while True:
            await asyncio.sleep(self.policy.pool.idle_ms / 4000)
            for deployment in self.deployments.values():
                deployment.pool.evict_idle(time.monotonic_ns())


def _current_task() -> Any:
    try:
        return asyncio.current_task()
    except RuntimeError:  # called by the loop itself
        return None
