"""BND-3: a Worker does not get at what it is not bound to, whatever names, keys, URLs and ids it guesses."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from conformance.asking import ask, post
from conformance.bound import SHELF, STORE, read, together, write
from conformance.mark import requirement
from conformance.origin import Origin
from harness.errors import Unanswered
from harness.judging import Judge, Launcher
from harness.runtime import FETCH_DEADLINE_S, Instance, Outbound, Request

GUESSED_NAMES = (
    *("STORE", "store", "SHELVES", "Shelf", "BACKEND", "KV", "DB", "ENV", "env", "bindings", "__env", "__bindings"),
    *("isomark-common-shelf", "bound", "auth", "default", "ASSETS", "__STATIC_CONTENT", "PLATFORM", "CODE", "LOADER"),
)
TRAVERSALS = (
    "../{id}/{key}",
    "..%2f{id}%2f{key}",
    "/../{id}/{key}",
    "{id}/{key}",
    "{id}:{key}",
    "./../{id}/{key}",
    "?/../../{id}/{key}",
)

STRANGERS_VALUE = "written by a stranger"
OWN_KEY = {"binding": "STORE", "key": "an ordinary key"}
OWN_SHELF = {"binding": "SHELVES", "name": "a name of its own", "key": "an ordinary key"}

ODD_REQUEST_DEADLINE_S = 3.0
"""How long a request is waited for that may well be answered by nothing; only what it reached counts."""


@requirement("BND-3")
def test_names_of_others_bindings_lead_nowhere(launch: Launcher, judge: Judge) -> None:
    """A Worker bound to nothing finds no other Worker's KV namespace under any guessed name."""
    token = secrets.token_hex(16)
    instance = launch(together(launch, "kv", "stranger"))
    write(instance, "bound", "/kv", STORE, token)
    judge.control(
        read(instance, "bound", "/kv", STORE) == token, expected="the owner to read its data", saw="written and read"
    )
    found = post(instance, "stranger", "/guess", {"names": GUESSED_NAMES, "key": STORE["key"]})
    judge.saw("found under guessed names", found)
    judge.promise(token not in str(found), expected="nothing of the other Worker's data", saw=found)


@requirement("BND-3")
def test_names_of_others_services_lead_nowhere(launch: Launcher, judge: Judge) -> None:
    """A Worker bound to nothing gets no answer from another Worker's service under any guessed name."""
    instance = launch(together(launch, "service", "stranger", others=("auth",)))
    served = ask(instance, "bound", "/service", query={"binding": "BACKEND"})
    judge.control(served.get("worker") == "auth", expected="the owner of the binding to be answered", saw=served)
    found = post(instance, "stranger", "/guess", {"names": GUESSED_NAMES, "key": "any"})
    visits = ask(instance, "auth", "/isomark-visits")
    judge.saw("found under guessed names", found)
    judge.saw("requests that reached the service", visits)
    judge.promise(len(visits) == 1, expected="the owner's request and no other", saw=visits)


@requirement("BND-3")
def test_keys_do_not_lead_out_of_a_namespace(launch: Launcher, judge: Judge) -> None:
    """No key, read or written, leads from the Worker's own KV namespace into another one, of which the id is known."""
    token = secrets.token_hex(16)
    instance = launch(together(launch, "kv", "kv-apart"))
    write(instance, "bound", "/kv", STORE, token)
    _control_own(judge, instance, "/kv", OWN_KEY)
    keys = [pattern.format(id="isomark-common-shelf", key=STORE["key"]) for pattern in TRAVERSALS]
    attempts = [(method, {"binding": "STORE", "key": key}) for key in keys for method in ("GET", "PUT")]
    with ThreadPoolExecutor(len(attempts)) as pool:
        ends = list(pool.map(lambda attempt: _text(instance, "apart", *attempt), attempts))
    answers = {f"{method} {target['key']}": end for (method, target), end in zip(attempts, ends, strict=True)}
    kept = read(instance, "bound", "/kv", STORE)
    judge.saw("what odd keys came to", answers)
    judge.saw("the other namespace's value is what it was", kept == token)
    judge.promise(
        kept == token and token not in str(answers),
        expected="the other namespace neither read nor changed",
        saw={"changed": kept != token, "answers": answers},
    )


@requirement("BND-3")
def test_urls_do_not_lead_to_a_namespace(launch: Launcher, judge: Judge, origin: Origin) -> None:
    """No URL made of a namespace's id, a binding's name or a Worker's name leads a Worker without the binding to
    the data."""
    token = secrets.token_hex(16)
    instance = launch(together(launch, "kv", "stranger"), outbound=Outbound(gateway=origin.host))
    write(instance, "bound", "/kv", STORE, token)
    hosts = (
        "isomark-common-shelf",
        "STORE",
        "store",
        "kv",
        "bound",
        "isomark:kv:isomark-common-shelf",
        "code",
        "control",
    )
    urls = [f"http://{host}/{STORE['key']}" for host in hosts]
    answers = dict(zip(urls, post(instance, "stranger", "/fetch", urls), strict=True))
    judge.saw("what the URLs came to", answers)
    judge.control(
        bool(origin.hits),
        expected="fetch() to work: some URL to arrive at the stand-in for the internet",
        saw=origin.targets(),
    )
    judge.promise(token not in str(answers), expected="no URL to lead to the data", saw=answers)


@requirement("BND-3")
def test_ids_of_others_objects_are_useless(launch: Launcher, judge: Judge) -> None:
    """The id of another namespace's Durable Object, handed to one's own namespace, is refused or leads to no data
    of it."""
    token = secrets.token_hex(16)
    instance = launch(together(launch, "objects", "objects-apart"))
    write(instance, "bound", "/object", SHELF, token)
    identifier = ask(instance, "bound", "/object-id", query=SHELF)["id"]
    by_id = {"binding": "SHELVES", "id": identifier, "key": SHELF["key"]}
    own = read(instance, "bound", "/object", by_id)
    judge.control(own == token, expected="the owner to reach its object by that id", saw=own == token)
    _control_own(judge, instance, "/object", OWN_SHELF)
    reading = _text(instance, "apart", "GET", by_id, "/object")
    writing = _text(instance, "apart", "PUT", by_id, "/object")
    judge.saw("the stranger's get and put", [reading.replace(token, "(the data)"), writing])
    kept = read(instance, "bound", "/object", SHELF)
    judge.promise(
        token not in reading and kept == token,
        expected="the object's data neither read nor changed",
        saw={"read": token in reading, "changed": kept != token},
    )


def _control_own(judge: Judge, instance: Instance, path: str, target: dict[str, str]) -> None:
    """What the stranger is refused says something only where it can use what it is bound to itself."""
    put, got = (
        _text(instance, "apart", method, target, path, deadline_s=FETCH_DEADLINE_S) for method in ("PUT", "GET")
    )
    judge.control(STRANGERS_VALUE in got, expected="the stranger to write and read data of its own", saw=[put, got])


def _text(
    instance: Instance,
    worker: str,
    method: str,
    target: dict[str, str],
    path: str = "/kv",
    *,
    deadline_s: float = ODD_REQUEST_DEADLINE_S,
) -> str:
    """Whatever is answered, be it an error: what counts is the data."""
    body = STRANGERS_VALUE.encode() if method == "PUT" else None
    request = Request(path=f"{path}?{urlencode(target)}", method=method, body=body)
    try:
        answer = instance.fetch(worker, request, deadline_s=deadline_s)
    except Unanswered as error:
        if not instance.alive():
            raise
        return f"no answer: {type(error).__name__}"
    return f"{answer.status}: {answer.text[:300]}"
