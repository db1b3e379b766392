"""fetch(): the only way out of the platform."""

from __future__ import annotations

from harness.adapters.reference.control.capabilities import Answer, Call, Counted, Refusal, no_such_method
from harness.adapters.reference.control.http_client import HttpClient
from harness.adapters.reference.control.messages import body_from_guest, message_to_guest
from harness.adapters.reference.control.outbound import OutboundRefused, OutboundRules


class OutboundCapability:
    """One hop for each call; the isolate follows redirects, and each hop comes here again."""

    counted = Counted.EXTERNAL

    def __init__(self, rules: OutboundRules, client: HttpClient) -> None:
        self._rules = rules
        self._client = client

    async def call(self, call: Call) -> Answer:
        if call.method != "fetch":
            raise no_such_method(self, call.method)
        asked, invocation = call.arguments[0], call.invocation
        body = body_from_guest(invocation, asked["body"], call.binaries)
        try:
            if asked.get("hop"):
                self._rules.check_hop(asked["url"])
            route = self._rules.route(asked["url"])
            answer = await self._client.request(
                address=route.address,
                port=route.port,
                method=asked["method"],
                target=route.target,
                authority=route.authority,
                headers=[(name, value) for name, value in asked["headers"]],
                body=body,
            )
        except OutboundRefused as error:
            raise Refusal(f"internal error: {error}", "TypeError") from error
        except OSError as error:
            raise Refusal(f"Network connection lost: {error}", "TypeError") from error
        return message_to_guest(invocation, answer.status, answer.reason, answer.headers, answer.body)
