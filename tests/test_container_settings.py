"""What can be said to the container adapter, and what it says where there is no engine. Needs no engine itself."""

import contextlib
import json
import os
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from harness import toolchain
from harness.adapters.container import engine as engines
from harness.adapters.container.settings import MIB, settings
from harness.doctor import examine
from harness.errors import EngineError, UsageError
from harness.kit_workers import project
from harness.registry import resolve
from harness.runtime import Conditions
from tests.child_run import run
from tests.container_engine import engine as engine_fixture

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch, tmp_path):
    """No engine of the machine this runs on is found."""
    for variable in engines.CHOOSING:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_the_defaults():
    """One container per Worker on a bridge, with the memory an isolate is promised."""
    chosen = settings(None, None, None, None, None)
    assert (chosen.base, chosen.network, chosen.memory_bytes, chosen.cpus) == ("scratch", "bridge", 128 * MIB, None)
    assert "128 MiB" in chosen.in_words()


def test_what_is_chosen():
    """Each setting arrives, and the report's words name the limits."""
    chosen = settings("/s", f"node:24@{DIGEST}", "host", "256", "1.5")
    assert (chosen.engine, chosen.base, chosen.memory_bytes) == ("/s", f"node:24@{DIGEST}", 256 * MIB)
    assert chosen.on_host_network
    assert "256 MiB" in chosen.in_words()
    assert "1.5 CPUs" in chosen.in_words()
    unlimited = settings(None, DIGEST, None, "none", "none")
    assert unlimited.memory_bytes is None
    assert "no memory limit but the suite's guard" in unlimited.in_words()


def test_the_online_base_is_pinned_and_has_the_floors_node():
    """When the Node of the toolchain changes, this base must change with it: a launch with another one is refused."""
    base = settings(None, "online", None, None, None).base
    assert settings(None, base, None, None, None).base == base  # by digest
    here = subprocess.run([toolchain.node(), "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert base.startswith(f"node:{here.stdout.strip().removeprefix('v')}-")


def test_another_network_is_another_runtime():
    """With the machine's network a container reaches other things: reports and expectations tell the two apart."""
    assert resolve("container").name == "container"
    assert resolve("container,network=host").name == "container-host"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("base=node:24-bookworm-slim", "sha256"),
        ("base=node:24@sha256:123", "sha256"),
        ("base=", "sha256"),
        ("network=none", "bridge, host"),
        ("network=a b", "bridge, host"),
        ("memory_mb=12", "32 to"),
        ("memory_mb=lots", "32 to"),
        ("memory_mb=-5", "32 to"),
        ("memory_mb=²", "32 to"),
        ("cpus=0", "0.01 to"),
        ("cpus=nan", "0.01 to"),
        ("cpus=two", "0.01 to"),
        ("memory=128", "memory_mb"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(word, expected):
    """It is told before anything is started, with what would be right."""
    with pytest.raises(UsageError) as caught:
        resolve(f"container,{word}")
    assert expected in str(caught.value)


def test_without_an_engine_every_place_is_named(monkeypatch, tmp_path):
    """One error, which says where it looked, why none of these is an engine, and how to get one."""
    (tmp_path / "docker.sock").touch()
    places = [(str(tmp_path / name),) * 2 for name in ("docker.sock", "podman.sock")]
    monkeypatch.setattr(engines, "_places", lambda _chosen: places)
    with pytest.raises(EngineError) as caught:
        resolve("container").version()
    assert caught.value.happened == (
        f"no container engine: tried {tmp_path}/docker.sock (not a socket), {tmp_path}/podman.sock (nothing there)"
    )
    assert "docker/README.md" in caught.value.remedy
    assert caught.value.exit_code == 33


def test_the_usual_places_are_those_of_docker_and_podman(tmp_path):
    """Where nobody chose one: Docker's and Podman's sockets, the user's own among them."""
    names = [name for _, name in engines._places(None)]
    assert names == [
        "/var/run/docker.sock",
        f"{tmp_path}/docker.sock",
        "/run/podman/podman.sock",
        f"{tmp_path}/podman/podman.sock",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("DOCKER_HOST", "unix:///no/such.sock", "nothing there"),
        ("DOCKER_HOST", "tcp://127.0.0.1:2375", "tcp is no unix socket"),
        ("ISOMARK_ENGINE", "/no/such.sock", "nothing there"),
        ("CONTAINER_HOST", "ssh://somebody@127.0.0.1/x", "ssh is no unix socket"),
    ],
)
def test_a_chosen_engine_is_the_only_one(monkeypatch, variable, value, why):
    """What the environment names and is not there is not silently replaced by another engine."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(EngineError) as caught:
        engines.find()
    assert caught.value.happened == f"no container engine: tried {variable}={value} ({why}" + (
        ")" if why == "nothing there" else ": containers and this suite share folders of this machine)"
    )


def test_the_setting_comes_before_the_environment(monkeypatch):
    """engine= is the nearest word."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///the/other")
    with pytest.raises(EngineError, match=r"tried /mine \(nothing there\)"):
        resolve("container,engine=/mine").version()


class _Answers(BaseHTTPRequestHandler):
    answers: dict[str, object]

    def do_GET(self):
        body = json.dumps(self.answers.get(self.path.rpartition("/")[2], {})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def server(path, **answers):
    """Answers on a unix socket, by the last part of the path."""
    kind = type("_Server", (_Answers,), {"answers": answers})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        kind(connection, ("", 0), None)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


VERSION = {"Version": "9.9", "ApiVersion": "1.41"}


@pytest.fixture
def place(tmp_path):
    """A short path for a socket."""
    path = tmp_path / "s"
    if len(os.fsencode(path)) > 100:
        pytest.skip("the temporary folder's name is too long for a socket")
    return path


def test_somebody_else_on_the_socket_is_no_engine(place):
    """A server that is none is named as what it is."""
    with server(place), pytest.raises(EngineError, match="nobody answers there"):
        engines.find(str(place))


def test_an_engine_for_other_systems_is_none(place):
    """Containers of another system cannot run Node's Linux build."""
    with (
        server(place, version=VERSION, info={"OSType": "windows"}),
        pytest.raises(EngineError, match="its containers are for windows, not Linux"),
    ):
        engines.find(str(place))


def test_what_an_engine_is(place):
    """Podman is told from Docker, and whether it runs without root, for that changes who is who inside."""
    version = {**VERSION, "Components": [{"Name": "Podman Engine"}]}
    info = {"SecurityOptions": ["name=seccomp", "name=rootless"], "Driver": "overlay", "CgroupVersion": "2"}
    with server(place, version=version, info=info):
        found = engines.find(f"unix://{place}")
    assert (found.name, found.rootless, found.remaps_users) == ("Podman", True, False)
    assert found.identity["engine"] == "Podman 9.9, rootless"
    assert "overlay, cgroup 2" in found.identity["engine_parts"]
    assert str(place) not in str(found.identity)


def test_a_run_without_an_engine_ends_with_its_code(tmp_path):
    """`pytest --runtime=container` says it in one error, before any test."""
    code, output, _ = run(
        tmp_path,
        "@requirement('ISO-2')\ndef test_x(launch, tmp_path):\n    launch(project(tmp_path)[0])\n",
        runtime="container",
        environment={"ISOMARK_ENGINE": "/no/such.sock"},
    )
    assert code == 33, output
    assert output.count("no container engine") == 1


def test_a_refused_application_needs_no_engine(tmp_path):
    """What is not claimed is refused before an engine is looked for."""
    from harness.errors import UnsupportedFeature

    application, _ = project(tmp_path, kv_namespaces=[{"binding": "KV"}])
    with pytest.raises(UnsupportedFeature), resolve("container,engine=/no/such").launch(application):
        pass


@pytest.mark.parametrize(("memory_mb", "ending"), [("300", UsageError), ("256", EngineError), ("none", EngineError)])
def test_a_memory_limit_above_the_guard_is_refused(tmp_path, memory_mb, ending):
    """The guard would hold in its place, and the report would tell of a limit that nobody set. No engine is asked."""
    application, _ = project(tmp_path)
    runtime = resolve(f"container,engine=/no/such,memory_mb={memory_mb}")
    conditions = Conditions(memory_guard_bytes=256 * MIB)
    said = f"memory_mb={memory_mb}" if ending is UsageError else "no container engine"
    with pytest.raises(ending, match=said), runtime.launch(application, conditions):
        pass


def test_the_doctor_says_what_is_switched_off(monkeypatch):
    """Without an engine, and where to read how to get one."""
    monkeypatch.setenv("ISOMARK_ENGINE", "/no/such.sock")
    (finding,) = [each for each in examine() if each.what == "container engine"]
    assert not finding.present
    assert not finding.required
    assert "/no/such.sock" in finding.found
    assert "docker/README.md" in finding.switches_off


@pytest.mark.parametrize("required", ["", "1"])
def test_tests_say_that_they_were_not_run(monkeypatch, required):
    """Without an engine they are skipped with the reason; where one is required, that is an error."""
    monkeypatch.setenv("ISOMARK_ENGINE", "/no/such.sock")
    monkeypatch.setenv("ISOMARK_REQUIRE_ENGINE", required)
    ending = EngineError if required else pytest.skip.Exception
    with pytest.raises(ending, match=r"no container engine: tried ISOMARK_ENGINE=/no/such\.sock"):
        next(engine_fixture.__wrapped__(None))
