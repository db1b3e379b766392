"""SVC: one Worker calls another through a binding, by fetch and by RPC, with values of every kind and with
exceptions."""

from __future__ import annotations

import json
from typing import Any

from conformance.asking import ask
from conformance.mark import requirement
from harness.judging import Judge, Launcher
from harness.runtime import Instance

ANY_URL = "https://callee.example/some/path?and=query"
BEYOND_JSON = {"date", "map", "set", "bytes", "floats", "buffer", "bigint", "undefined", "error", "nested"}


@requirement("SVC-1")
def test_fetch_calls_the_bound_worker(launch: Launcher, judge: Judge) -> None:
    """env.B.fetch() brings URL, method, headers and body to Worker B, and B's status, headers and body back."""
    instance = launch("caller", "callee")
    answer = ask(instance, "caller", "/fetch", query={"binding": "CALLEE", "url": ANY_URL})
    judge.saw("what came back", answer)
    expected = {
        "status": 203,
        "header": "from the callee",
        "body": {"url": ANY_URL, "method": "PUT", "header": "from the caller", "body": "a body from the caller"},
    }
    judge.promise(answer == expected, expected=json.dumps(expected), saw=answer)


@requirement("SVC-1")
def test_rpc_calls_the_bound_worker(launch: Launcher, judge: Judge) -> None:
    """env.B.method(arguments) calls that method of Worker B with these arguments and returns its value."""
    instance = launch("caller", "callee")
    numbers = _call(instance, "add", 19, 4)
    texts = _call(instance, "add", "nine", "teen")
    judge.saw("what the calls returned", [numbers, texts])
    judge.promise(
        (numbers.get("returned"), texts.get("returned")) == (23, "nineteen"),
        expected="23 and 'nineteen', as the callee's method computes them",
        saw=[numbers, texts],
    )


@requirement("SVC-1")
def test_fetch_calls_a_named_entrypoint(launch: Launcher, judge: Judge) -> None:
    """A binding to a named entrypoint of Worker B is answered by that entrypoint's fetch, not by B's default one."""
    instance = launch("caller", "callee")
    default = ask(instance, "caller", "/fetch", query={"binding": "CALLEE", "url": ANY_URL})
    judge.control(
        default["body"].get("url") == ANY_URL, expected="the default entrypoint to answer its own binding", saw=default
    )
    named = ask(instance, "caller", "/fetch", query={"binding": "ACCOUNTS", "url": ANY_URL})
    judge.saw("through the binding to the named entrypoint", named)
    expected = {"entrypoint": "Accounts", "url": ANY_URL}
    judge.promise(named["body"] == expected, expected=f"the entrypoint's own answer, {expected}", saw=named["body"])


@requirement("SVC-1")
def test_rpc_calls_a_named_entrypoint(launch: Launcher, judge: Judge) -> None:
    """RPC through a binding to a named entrypoint calls the methods of that entrypoint, and no others of Worker B."""
    instance = launch("caller", "callee")
    named = _call(instance, "who", binding="ACCOUNTS")
    of_default = _call(instance, "add", 1, 2, binding="ACCOUNTS")
    default_has_it = _call(instance, "who")
    judge.saw(
        "the entrypoint's method; a method only the default one has; the other way round",
        [named, of_default, default_has_it],
    )
    judge.promise(
        named.get("returned") == "Accounts" and "threw" in of_default and "threw" in default_has_it,
        expected="'Accounts' from the entrypoint's method, and an exception for a method the entrypoint has not",
        saw=[named, of_default, default_has_it],
    )


@requirement("SVC-1")
def test_missing_method_throws(launch: Launcher, judge: Judge) -> None:
    """Calling a method that Worker B does not have throws in Worker A; no value is made up."""
    instance = launch("caller", "callee")
    present = _call(instance, "add", 1, 2)
    judge.control(present.get("returned") == 3, expected="a method that B has to answer", saw=present)
    answers = {name: _call(instance, name) for name in ("absent", "env", "ctx", "Accounts", "who")}
    judge.saw("calls of what is no method of B", answers)
    made_up = [name for name, answer in answers.items() if "threw" not in answer]
    judge.promise(not made_up, expected="an exception for each", saw="a value from " + ", ".join(made_up))


@requirement("SVC-2")
def test_structured_arguments_arrive(launch: Launcher, judge: Judge) -> None:
    """Dates, maps, sets, typed arrays, big integers, undefined, errors and objects nested in each other reach Worker B
    as the arguments of an RPC call with their types and contents."""
    _judge_carried(judge, ask(launch("caller", "callee"), "caller", "/carry", query={"direction": "there"}))


@requirement("SVC-2")
def test_structured_values_return(launch: Launcher, judge: Judge) -> None:
    """The same values reach Worker A as what an RPC method of Worker B returned."""
    _judge_carried(judge, ask(launch("caller", "callee"), "caller", "/carry", query={"direction": "back"}))


@requirement("SVC-2")
def test_references_survive(launch: Launcher, judge: Judge) -> None:
    """A cycle stays a cycle, and an object that stands at two places arrives as one object at two places."""
    instance = launch("caller", "callee")
    carried = {
        f"{kind}, {direction}": value
        for direction in ("there", "back")
        for kind, value in ask(instance, "caller", "/carry", query={"direction": direction}).items()
        if kind in {"cycle", "one object twice"}
    }
    judge.saw("sent and arrived", carried)
    lost = [label for label, value in carried.items() if value["arrived"] != value["sent"]]
    judge.promise(not lost, expected="the same references on both sides", saw=f"lost: {', '.join(lost)}")


@requirement("SVC-2")
def test_exception_is_thrown_in_the_caller(launch: Launcher, judge: Judge) -> None:
    """An exception in Worker B, thrown at once or from a rejected promise, is thrown by the call in Worker A, where
    it is an error with B's message and, for the language's own types, B's type."""
    instance = launch("caller", "callee")
    thrown = {
        f"{method} {name}": _call(instance, method, name, f"{name} of the callee").get("threw")
        for method in ("fail", "failLater")
        for name in ("Error", "TypeError", "RangeError", "SyntaxError")
    }
    judge.saw("what Worker A caught", thrown)
    wrong = {}
    for label, caught in thrown.items():
        name = label.partition(" ")[2]
        expected = {
            "name": name,
            "message": f"{name} of the callee",
            "isError": True,
            "isRangeError": name == "RangeError",
        }
        if caught != expected:
            wrong[label] = caught
    judge.promise(not wrong, expected="type and message of each exception as thrown in B", saw=wrong)


@requirement("SVC-2")
def test_caller_goes_on_after_an_exception(launch: Launcher, judge: Judge) -> None:
    """Having caught Worker B's exception, Worker A calls B again in the same request, and is answered."""
    answer = _call(launch("caller", "callee"), "fail", "TypeError", "first call fails")
    judge.saw("the failed call and the next one", answer)
    judge.control("threw" in answer, expected="the first call to throw", saw=answer)
    judge.promise(answer["next"] == {"returned": 42}, expected="42 from the next call", saw=answer["next"])


def _call(instance: Instance, method: str, *arguments: object, binding: str = "CALLEE") -> Any:
    query = {"binding": binding, "method": method, "arguments": json.dumps(arguments)}
    return ask(instance, "caller", "/call", query=query)


def _judge_carried(judge: Judge, carried: dict[str, dict[str, Any]]) -> None:
    by_value = {kind: value for kind, value in carried.items() if kind not in {"cycle", "one object twice"}}
    judge.saw("sent and arrived", by_value)
    judge.control(
        by_value.keys() >= BEYOND_JSON, expected="the values that JSON cannot carry to be tried", saw=sorted(by_value)
    )
    changed = {kind: value for kind, value in by_value.items() if value["arrived"] != value["sent"]}
    judge.promise(not changed, expected="every value to arrive as it was sent", saw=changed)
