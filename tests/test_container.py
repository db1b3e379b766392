"""What the container adapter does at an engine: images, limits, phases, accounts, neighbours."""

import contextlib
import io
import os
import resource
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from docker.errors import ImageNotFound

from conformance.origin import public_address, serving
from harness import toolchain
from harness.adapters.container import engine as engines
from harness.adapters.container import image
from harness.adapters.container.image import HANDLER_IN_IMAGE, NODE_IN_IMAGE, Recipe
from harness.adapters.node import handler
from harness.application import Application
from harness.errors import ConfigurationError, EngineError, NotObservable, RuntimeDied, StartError
from harness.kit_workers import project
from harness.registry import resolve
from harness.runtime import Conditions, Ledger, Outbound, Outcome, Peers, Processes, Request, StartPhases
from tests.container_engine import asked, containers_of, wait_until

ARMED = Conditions(instruments=frozenset({Ledger}))

WORKER = """
const burn = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
const used = (since) => { const { user, system } = process.cpuUsage(since); return (user + system) / 1000; };
const kept = [];
const waiting = [];
const routes = {
  "/burn": (url) => { const before = process.cpuUsage(); burn(Number(url.searchParams.get("ms")));
    return Response.json({ used_ms: used(before) }); },
  "/use": (url) => { const before = process.cpuUsage();  // as much of CPU time, however little of a core it gets
    while (used(before) < Number(url.searchParams.get("ms"))); return Response.json({ used_ms: used(before) }); },
  "/meet": () => new Promise((resolve) => { waiting.push(resolve);
    if (waiting.length === 2) for (const each of waiting.splice(0)) each(new Response("met")); }),
  "/wait": async (url) => { await new Promise((resolve) => setTimeout(resolve, Number(url.searchParams.get("ms"))));
    return new Response("waited"); },
  "/buffers": () => { for (;;) kept.push(Buffer.alloc(1 << 20, 1)); },
  "/heap": () => { for (;;) kept.push({ more: new Array(1000).fill(kept.length) }); },
  "/throw": () => { throw new Error("thrown"); },
  "/broken-body": () => new Response(new ReadableStream({ pull() { throw new Error("in the middle"); } })),
  "/endless": () => new Response(new ReadableStream({ pull(to) { to.enqueue(new Uint8Array(65536)); } })),
  "/print": (url) => { console.log(url.searchParams.get("text")); return new Response(); },
  "/exit": () => process.exit(7),
  "/clock": () => new Response(String(process.hrtime.bigint())),
  "/ask": async (url) => new Response(await (await fetch(url.searchParams.get("url"))).text()),
};
export default { fetch(request) {
  const url = new URL(request.url);
  return routes[url.pathname]?.(url) ?? new Response("MARK");
} };
"""


@pytest.fixture
def runtime(engine):
    return resolve(f"container,engine={engine}")


@pytest.fixture
def application(tmp_path):
    return project(tmp_path, source=WORKER)[0]


def own(engine):
    """The engine's word on the one container that this process has."""
    (container,) = containers_of(engine, os.getpid())
    return asked(engine, "GET", f"/containers/{container['Id']}/json")[1]


def test_the_image_is_made_once(runtime, engine, application):
    """Two launches run on one image, which says what it is made of and holds the floor's Node and handler."""
    with runtime.launch(application):
        first = own(engine)["Image"]
    with runtime.launch(application):
        second = own(engine)
    assert second["Image"] == first
    labels = asked(engine, "GET", f"/images/{first}/json")[1]["Config"]["Labels"]
    assert labels["isomark.image"] == runtime.identity()["image_sha256"]
    assert labels["isomark.handler"] == handler.sources_sha256() == resolve("node").identity()["handler_sha256"]
    assert runtime.version() == resolve("node").version()


def test_launches_do_not_build(runtime, application, monkeypatch):
    """A Worker reaches its container without an image of its own."""
    with runtime.launch(application):
        pass
    monkeypatch.setattr(image, "_build", lambda *_: pytest.fail("an image was built for a Worker"))
    with runtime.launch(application) as instance:
        assert instance.fetch("hello", Request()).status == 200


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_phases_come_in_their_order(engine, application, network):
    """created, started, process up, listening: instants on this machine's clock, within the launch."""
    before_ns = time.monotonic_ns()
    with resolve(f"container,engine={engine},network={network}").launch(application) as instance:
        launched_ns = time.monotonic_ns() - before_ns
        phases_ns = instance.instrument(StartPhases).phases_ns()
        begun_ns = time.monotonic_ns()
        inside_ns = int(instance.fetch("hello", Request(path="/clock")).text)
        assert begun_ns < inside_ns < time.monotonic_ns(), "the clock inside is the one outside"
    assert list(phases_ns) == ["created", "started", "process up", "listening"]
    instants = list(phases_ns.values())
    assert 0 < instants[0] < instants[1] < instants[2] < instants[3] < launched_ns


def test_the_floor_has_the_same_phases(application):
    """Node too says when its process began, its script ran and it listened."""
    with resolve("node").launch(application) as instance:
        phases_ns = instance.instrument(StartPhases).phases_ns()
    assert list(phases_ns) == ["started", "process up", "listening"]
    assert 0 < phases_ns["started"] < phases_ns["process up"] < phases_ns["listening"]


def test_limits_reach_the_engine(engine, application):
    """128 MiB unless said, as much with swap, what was chosen of CPU; a published port on loopback alone."""
    with resolve(f"container,engine={engine}").launch(application) as instance:
        found = own(engine)
        port = urlsplit(instance.url("hello")).port
    config = found["HostConfig"]
    assert config["Memory"] == config["MemorySwap"] == 128 << 20
    assert config["NanoCpus"] == 0
    assert config["AutoRemove"]
    assert found["NetworkSettings"]["Ports"] == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    with resolve(f"container,engine={engine},memory_mb=200,cpus=0.5,network=host").launch(application):
        config = own(engine)["HostConfig"]
    assert config["Memory"] == config["MemorySwap"] == 200 << 20
    assert config["NanoCpus"] == 500_000_000
    assert config["NetworkMode"] == "host"
    with resolve(f"container,engine={engine},memory_mb=none").launch(application):
        assert own(engine)["HostConfig"]["Memory"] == Conditions().memory_guard_bytes


def test_the_cpu_limit_bites(engine, application):
    """With half a CPU, computing for a while by the clock gets far less than that of CPU time."""
    with resolve(f"container,engine={engine},cpus=0.2").launch(application) as instance:
        used_ms = instance.fetch("hello", Request(path="/burn?ms=1000")).json()["used_ms"]
    assert used_ms < 500


@pytest.mark.parametrize("route", ["/buffers", "/heap"])
def test_out_of_memory_is_told(runtime, application, route):
    """A Worker that passes the limit takes its container down: the death says why, and so does the request's record."""
    with runtime.launch(application, ARMED) as instance:
        ledger = instance.instrument(Ledger)
        mark = ledger.mark()
        with pytest.raises(RuntimeDied, match="ran out of memory"):
            instance.fetch("hello", Request(path=route))
        assert not instance.alive()
        (record,) = ledger.since(mark, worker="hello")
    assert record.outcome is Outcome.EXCEEDED_MEMORY
    assert record.wall_time_ms > 0
    assert record.cpu_time_ms > 0 or record.cpu_time_ms != record.cpu_time_ms


def test_another_end_is_told_as_what_it_is(runtime, application):
    """A process that exits says with which code; nobody is said to have run out of memory."""
    with runtime.launch(application, ARMED) as instance:
        ledger = instance.instrument(Ledger)
        mark = ledger.mark()
        with pytest.raises(RuntimeDied, match=r"was serving and then ended \(exit code 7\)"):
            instance.fetch("hello", Request(path="/exit"))
        (record,) = ledger.since(mark, worker="hello")
    assert record.outcome is Outcome.INTERNAL_ERROR


def test_the_ledger_has_the_container_s_cpu_time(runtime, application):
    """A request that was alone: what the process used by its own count, and waiting is left out."""
    with runtime.launch(application, ARMED) as instance:
        ledger = instance.instrument(Ledger)
        instance.fetch("hello", Request(path="/use?ms=50"))
        mark = ledger.mark()
        used_ms = instance.fetch("hello", Request(path="/use?ms=200")).json()["used_ms"]
        instance.fetch("hello", Request(path="/wait?ms=200"))
        burnt, waited = ledger.since(mark, worker="hello", at_least=2)
    assert (burnt.outcome, waited.outcome) == (Outcome.OK, Outcome.OK)
    assert 0.9 * used_ms < burnt.cpu_time_ms < 1.2 * used_ms + 10
    assert burnt.wall_time_ms >= 190
    assert waited.wall_time_ms >= 190
    assert waited.cpu_time_ms < waited.wall_time_ms / 2
    assert burnt.isolate == waited.isolate


def test_overlapping_requests_have_no_cpu_time_of_their_own(runtime, application):
    """The kernel counts for the container: where two were inside at once, the ledger says that it cannot tell."""
    with runtime.launch(application, ARMED) as instance, ThreadPoolExecutor(2) as pool:
        ledger = instance.instrument(Ledger)
        mark = ledger.mark()
        list(pool.map(lambda _: instance.fetch("hello", Request(path="/meet")), range(2)))
        with pytest.raises(NotObservable, match="overlapped"):
            ledger.since(mark, worker="hello", at_least=2)
        mark = ledger.mark()
        instance.fetch("hello", Request())
        assert len(ledger.since(mark, worker="hello")) == 1


def test_the_ledger_tells_how_requests_end(runtime, application):
    """An exception, also one in the middle of a body; a client that went away is nobody's exception."""
    with runtime.launch(application, ARMED) as instance:
        ledger = instance.instrument(Ledger)
        found = {}
        for path in ("/throw", "/broken-body", "/endless"):
            mark = ledger.mark()
            if path == "/endless":
                _leave_in_the_middle(instance.url("hello"), path)
            else:
                with contextlib.suppress(Exception):
                    instance.fetch("hello", Request(path=path))
            (found[path],) = (record.outcome for record in ledger.since(mark, worker="hello"))
    assert found == {
        "/throw": Outcome.EXCEPTION,
        "/broken-body": Outcome.EXCEPTION,
        "/endless": Outcome.CANCELED,
    }


def _leave_in_the_middle(url, path):
    with socket.create_connection(("127.0.0.1", urlsplit(url).port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.recv(1000)


def test_without_the_ledger_nothing_is_counted(runtime, application):
    """Accounts are kept where somebody asked for them: they cost a read of a file at each end of a request."""
    with runtime.launch(application) as instance, pytest.raises(NotObservable):
        instance.instrument(Ledger)


def test_processes_are_this_machine_s(runtime, application):
    """The instrument's process is the one the engine counts in the container, under this machine's id."""
    with runtime.launch(application) as instance:
        pids = instance.instrument(Processes).pids()
        found = own(runtime.engine().socket.as_posix())
        assert pids == (found["State"]["Pid"],)


def test_neighbours_find_each_other(runtime, tmp_path):
    """Two Workers of one application are two containers, and one calls the other at the address that Peers tells."""
    (caller, _), (callee, mark) = (project(tmp_path, name=name, source=WORKER) for name in ("caller", "callee"))
    both = Application(workers=(caller.worker("caller"), callee.worker("callee")))
    with runtime.launch(both) as instance:
        url = instance.instrument(Peers).url("callee")
        assert instance.fetch("caller", Request(path=f"/ask?url={url}/")).text == mark
        assert len(instance.instrument(Processes).pids()) == 2


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_fetch_reaches_the_played_internet_alone(engine, application, network):
    """A stand-in on loopback that a test declared public is reached, with or without a network in common."""
    runtime = resolve(f"container,engine={engine},network={network}")
    with serving(public_address()) as origin, serving(public_address()) as other:
        with runtime.launch(application, Conditions(outbound=Outbound(public=(origin.address,)))) as instance:
            answers = [instance.fetch("hello", Request(path=f"/ask?url={each.url('/x')}")) for each in (origin, other)]
        assert answers[0].status == 200
        assert [hit.path for hit in origin.hits] == ["/x"]
        if network == "bridge":
            assert answers[1].status == 500
            assert other.connections == 0


def test_nothing_measured_goes_through_the_relay(runtime, tmp_path):
    """A Worker's own front, declared public as the load scenarios do, is not reached by a detour through the suite."""
    application, _ = project(tmp_path, source=WORKER)
    with runtime.launch(application, Conditions(outbound=Outbound(public=("127.0.0.1",)))) as instance:
        assert not any(thread.name == "relay" for thread in threading.enumerate())
        assert instance.fetch("hello", Request(path=f"/ask?url={instance.url('hello')}/")).status == 500


def test_as_many_files_as_the_floor(runtime, engine, application):
    """A container may open what a process of the suite may, not what its engine happens to allow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with runtime.launch(application), resolve("node").launch(application) as floor:
        limits = own(engine)["HostConfig"]["Ulimits"]
        (pid,) = floor.instrument(Processes).pids()
        assert str(hard) in _open_files(pid)
    assert {"Name": "nofile", "Soft": soft, "Hard": hard} in limits


def _open_files(pid):
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line.split() for line in limits if line.startswith("Max open files"))


@pytest.fixture
def client(runtime):
    with runtime.engine().client() as client:
        yield client


@contextlib.contextmanager
def base_with(client, instruction):
    """The id of an image that is the baseline with one instruction more."""
    lines = f"FROM {image.ensure(engines.find(_socket(client)), client, image.recipe('scratch'))}\n{instruction}\n"
    words = list(client.build(fileobj=io.BytesIO(lines.encode()), decode=True, rm=True))
    made = next(word["aux"]["ID"] for word in words if "aux" in word)
    try:
        yield made
    finally:
        with contextlib.suppress(ImageNotFound):  # it went with what was built on it
            client.remove_image(made, force=True)


def _socket(client):
    return client._custom_adapter.socket_path


def test_another_node_is_refused(runtime, engine, application, client):
    """A base whose Node is not the floor's is no baseline to compare with: it says which two versions there are."""
    says = "data:text/javascript,Object.defineProperty(process,'version',{value:'v1.2.3'})"
    with base_with(client, f'ENV NODE_OPTIONS="--import={says}"') as base:
        other = resolve(f"container,engine={engine},base={base}")
        try:
            with pytest.raises(ConfigurationError) as caught, other.launch(application):
                pass
        finally:
            _remove_image(client, other)
    assert "v1.2.3" in caught.value.happened
    assert toolchain.version_of(toolchain.node()) in caught.value.happened


def test_the_same_node_in_another_base_is_served(engine, application, client):
    """A base by its id, with the same Node: the handler is put on top of it."""
    with base_with(client, "ENV SOMETHING=else") as base:
        other = resolve(f"container,engine={engine},base={base}")
        try:
            with other.launch(application) as instance:
                assert instance.fetch("hello", Request()).status == 200
        finally:
            _remove_image(client, other)
    assert other.identity()["base"] == base


def _remove_image(client, runtime):
    client.remove_image(image._tag(runtime.identity()["image_sha256"]), force=True)


def test_another_handler_is_refused(runtime, application, client, monkeypatch, tmp_path):
    """An image whose host script is not the floor's, whatever its labels say, is found out by reading it."""
    changed = tmp_path / "host.mjs"
    changed.write_bytes(handler.SOURCES[0].read_bytes() + b"// changed\n")
    files = image.recipe("scratch").files | {HANDLER_IN_IMAGE / "host.mjs": changed}
    other = Recipe(base="scratch", files=files)
    monkeypatch.setattr(image, "recipe", lambda _base: other)
    try:
        with pytest.raises(ConfigurationError, match="another host script"), runtime.launch(application):
            pass
    finally:
        client.remove_image(image._tag(other.content_hash), force=True)


def test_a_base_that_is_not_there_is_an_engine_error(engine, application):
    """The engine's own words say that it cannot be had; nothing is left of the attempt."""
    base = "sha256:" + "0" * 64
    runtime = resolve(f"container,engine={engine},base={base}")
    with pytest.raises(EngineError) as caught, runtime.launch(application):
        pass
    assert "baseline image" in caught.value.happened
    label = f'{{"label":["isomark.image={runtime.identity()["image_sha256"]}"]}}'
    assert asked(engine, "GET", f"/images/json?all=1&filters={quote(label)}") == (200, [])


def test_a_container_that_cannot_start_says_why(runtime, application, client, monkeypatch):
    """An image without Node: the engine's words, and no container is left."""
    files = {place: path for place, path in image.recipe("scratch").files.items() if place != NODE_IN_IMAGE}
    other = Recipe(base="scratch", files=files)
    monkeypatch.setattr(image, "recipe", lambda _base: other)
    try:
        with pytest.raises(EngineError, match="does not start a container"), runtime.launch(application):
            pass
    finally:
        client.remove_image(image._tag(other.content_hash), force=True)


def test_a_library_that_is_missing_is_told(runtime, application, client, monkeypatch):
    """A container that ends before it is ready: its last words are in the error."""
    files = {place: path for place, path in image.recipe("scratch").files.items() if "libstdc" not in place.name}
    other = Recipe(base="scratch", files=files)
    monkeypatch.setattr(image, "recipe", lambda _base: other)
    try:
        with pytest.raises(StartError, match="before it was ready") as caught, runtime.launch(application):
            pass
    finally:
        client.remove_image(image._tag(other.content_hash), force=True)
    assert "libstdc++" in caught.value.log_tail


def test_what_a_worker_prints_is_in_the_log(runtime, application):
    """The last lines, each on its own, for the evidence of a row."""
    with runtime.launch(application) as instance:
        for number in range(20):
            instance.fetch("hello", Request(path=f"/print?text=line-{number}"))
        wait_until(lambda: "line-19" in instance.log_tail(), "the last line")
        assert instance.log_tail().splitlines() == [f"line-{number}" for number in range(8, 20)]
