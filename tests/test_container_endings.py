"""However a suite, a build or an engine ends: nothing of it is left at the engine or on the machine."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from docker.errors import APIError, NotFound

from harness.adapters.container import engine as engines
from harness.adapters.container import image, making, owner
from harness.adapters.container.settings import settings
from harness.errors import EngineError
from harness.kit_workers import project
from harness.registry import resolve
from harness.runtime import Request
from tests.child_run import Child, ChildRun
from tests.container_engine import asked, containers_of, wait_until

SERVED = """
@requirement("ISO-2")
def test_served(launch, tmp_path):
    instance = launch(project(tmp_path)[0])
    note = Path(os.environ["TMPDIR"]) / "note-1"
    note.write_text(f"{os.getpid()} " + " ".join(map(str, instance.instrument(Processes).pids())))
    note.rename(note.with_suffix(".txt"))
    ENDING
"""

WAIT = 'instance.fetch("hello", Request(path="/late"), deadline_s=600)'

ENDINGS = {
    "success": ("pass", None),
    "failure": ("assert False", None),
    "SIGINT": (WAIT, signal.SIGINT),
    "SIGTERM": (WAIT, signal.SIGTERM),
    "SIGKILL": (WAIT, signal.SIGKILL),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_of_a_run(engine, tmp_path, ending):
    """No container, process or folder after a run that went well, failed, was interrupted, was killed."""
    body, sent = ENDINGS[ending]
    with ChildRun(tmp_path, SERVED.replace("ENDING", body), runtime=f"container,engine={engine}") as child:
        ((suite, *inside),) = child.notes(1)
        if sent is not None:
            assert len(containers_of(engine, int(suite))) == 1
            child.process.send_signal(sent)
        child.ended()
        child.wait_until(lambda: not containers_of(engine, int(suite)), "the container to be gone")
        child.wait_until(lambda: not child.leftovers(), "processes and folders to be gone")
    assert inside
    wait_until(lambda: not [pid for pid in inside if Path(f"/proc/{pid}").exists()], "its processes to be gone")


LAUNCHES = """
import sys, threading
from pathlib import Path
from harness.application import Application
from harness.registry import resolve

application = Application.load(Path("conformance/workers/lifecycle"))
runtime = resolve(sys.argv[1])

def forever():
    while True:
        with runtime.launch(application):
            pass

with runtime.launch(application):
    print("go", flush=True)
threads = [threading.Thread(target=forever) for _ in range(2)]
for thread in threads:
    thread.start()
"""


def test_no_moment_of_a_launch_is_unsafe(engine, tmp_path):
    """SIGKILL at five moments of launching in two threads: what was just being made goes with the rest."""
    for moment in range(5):
        command = [sys.executable, "-c", LAUNCHES, f"container,engine={engine}"]
        with Child(tmp_path / str(moment), command, {}) as child:
            child.wait_until(lambda child=child: "go" in child.output(), "the child to begin")
            pid = child.process.pid
            time.sleep(moment * 0.1)  # not to wait for something: to hit another moment
            child.process.kill()
            child.ended()
            child.wait_until(lambda child=child: not child.leftovers(), "processes and folders to be gone")
            child.wait_until(lambda pid=pid: not containers_of(engine, pid), "the containers to be gone")


INTERRUPTED = """
import os, sys
from pathlib import Path
from docker import APIClient
from docker.errors import NotFound
from harness.application import Application
from harness.registry import resolve

create, remove, asked = APIClient.create_container, APIClient.remove_container, []

def interrupted(*what, **how):
    asked.append((what, how))
    raise KeyboardInterrupt

def removed(*what, **how):
    try:
        remove(*what, **how)
    except NotFound:
        print("made", create(*asked[0][0], **asked[0][1])["Id"], flush=True)  # the engine is done only now
        raise

APIClient.create_container, APIClient.remove_container = interrupted, removed
try:
    with resolve(sys.argv[1]).launch(Application.load(Path("conformance/workers/lifecycle"))):
        pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_what_the_engine_makes_after_an_interruption_goes_too(engine, tmp_path):
    """Ctrl-C while the engine is asked for a container, which is there only after the suite has looked for it."""
    command = [sys.executable, "-c", INTERRUPTED, f"container,engine={engine}"]
    with Child(tmp_path / "child", command, {}) as child:
        assert child.ended() == 0, child.output()
        child.wait_until(lambda: not child.processes(), "the reaper to be done")
    word, container, last = child.output().split()
    assert (word, last) == ("made", "interrupted")
    assert asked(engine, "GET", f"/containers/{container}/json")[0] == 404


class Refusing:
    """A client of an engine that makes nothing, and so has nothing to remove."""

    def create_container(self, *_, **__):
        raise APIError("no such image")

    def create_host_config(self, **_):
        return {}

    def remove_container(self, *_, **__):
        raise NotFound("no such container")


def test_what_the_engine_refuses_is_not_waited_for(tmp_path, monkeypatch):
    """It has said so: the reaper forgets it, and has nothing to ask again at the end."""
    told = []
    monkeypatch.setattr(making.process, "leave_to_reaper", lambda request, there: told.append((request, there)))
    monkeypatch.setattr(making.process, "take_from_reaper", lambda request: told.append((request, None)))
    given = {"name": "Docker", "version": "9", "api_version": "1.41", "identity": {}}
    found = engines.Engine(socket=tmp_path / "s", rootless=False, remaps_users=False, **given)
    chosen = settings(None, None, None, None, None)
    order = making.Order(image="i", worker="w", folder=tmp_path, settings=chosen, memory_bytes=1 << 27)
    with pytest.raises(EngineError, match="does not make a container"), making.created(found, Refusing(), order):
        pass
    ((asked_for, there), (forgotten, gone)) = told
    assert (asked_for, there, gone) == (forgotten, False, None)


HOLDS = """
import os, sys, time
from pathlib import Path
from harness.application import Application
from harness.registry import resolve
from harness.runtime import Processes, Request

runtime = resolve(sys.argv[1])
with runtime.launch(Application.load(Path(sys.argv[2]))) as instance:
    print("go", os.getpid(), *instance.instrument(Processes).pids(), flush=True)
    if sys.argv[3] == "busy":
        instance.fetch("hello", Request(path="/burn"), deadline_s=600)
    time.sleep(600)
"""

BUSY = """
export default { fetch(request) {
  if (new URL(request.url).pathname === "/burn") { console.log("burning"); for (;;); }
  return new Response("MARK");
} };
"""


@contextlib.contextmanager
def holding(engine, tmp_path, how):
    """A child that has a container, and the ids of the child and of the container's process."""
    project(tmp_path / "worker", source=BUSY)
    (folder,) = (tmp_path / "worker").iterdir()
    command = [sys.executable, "-c", HOLDS, f"container,engine={engine}", str(folder), how]
    with Child(tmp_path / "child", command, {}) as child:
        child.wait_until(lambda: child.output().endswith("\n"), "the child to begin")
        _, pid, inside = child.output().split()
        yield child, int(pid), int(inside)


def kill_with_reaper(child):
    """SIGKILL for the suite and for what would clean up after it, which ends with its own words unread."""
    for pid in child.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    for pid in child.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    child.ended()


def test_a_container_ends_with_its_lifeline(engine, tmp_path):
    """Suite and reaper killed together: the container notices, ends, and the engine removes it."""
    with holding(engine, tmp_path, "idle") as (child, pid, inside):
        kill_with_reaper(child)
        child.wait_until(lambda: not containers_of(engine, pid), "the container to be gone")
        child.wait_until(lambda: not Path(f"/proc/{inside}").exists(), "its process to be gone")


def test_the_reaper_removes_what_notices_nothing(engine, tmp_path):
    """A suite killed while its Worker computes without end: the container does not wait for it."""
    with holding(engine, tmp_path, "busy") as (child, pid, inside):
        await_burning(inside)
        child.process.kill()
        child.ended()
        child.wait_until(lambda: not containers_of(engine, pid), "the container to be gone")
        child.wait_until(lambda: not Path(f"/proc/{inside}").exists(), "its process to be gone")


def test_what_a_killed_suite_left_is_removed_by_the_next(engine, tmp_path, monkeypatch):
    """A container that is too busy to notice is found by its owner's label, and only such a container."""
    application, _ = project(tmp_path)
    runtime = resolve(f"container,engine={engine}")
    for attempt in range(5):
        place = tmp_path / str(attempt)
        place.mkdir()
        with holding(engine, place, "busy") as (child, pid, inside), runtime.launch(application) as bystander:
            await_burning(inside)
            kill_with_reaper(child)
            if not containers_of(engine, pid):
                continue  # the first launch of another process at this engine, a test's beside this one, was quicker
            monkeypatch.setattr(owner, "_looked_at", set())
            with runtime.launch(application):
                wait_until(lambda pid=pid: not containers_of(engine, pid), "what was left to be removed")
            assert bystander.fetch("hello", Request()).status == 200
            return
    pytest.fail("what the killed suite left was never there to be removed")


def await_burning(pid):
    """Until its user time has grown by far more than it takes to come to the busy loop."""
    before = _user_ticks(pid)
    wait_until(lambda: _user_ticks(pid) > before + 40, "the Worker to be busy")


def _user_ticks(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


@pytest.mark.parametrize(
    ("label", "gone"),
    [
        (lambda here: f"{here} 999999999 12345", True),
        (lambda here: f"{here} {os.getpid()} 1", True),
        (lambda here: owner.owner(), False),
        (lambda here: "another-boot pid:[1] 999999999 12345", False),
        (lambda here: "", False),
        (lambda here: "nonsense", False),
    ],
)
def test_whose_owner_is_gone(label, gone):
    """A process of this boot and namespace that is no more, or whose id another has by now; of others, nobody knows."""
    assert owner.is_gone(label(owner._here())) is gone


def recipe_of_its_own(tmp_path):
    """What no other test builds."""
    changed = tmp_path / "host.mjs"
    changed.write_text(f"// {tmp_path}\n")
    files = image.recipe("scratch").files | {image.HANDLER_IN_IMAGE / "host.mjs": changed}
    return image.Recipe(base="scratch", files=files)


def images_of(engine, content_hash):
    """Whole ones and parts of one that never became whole."""
    filters = quote(f'{{"label":["isomark.image={content_hash}"]}}')
    return asked(engine, "GET", f"/images/json?all=1&filters={filters}")[1]


def test_a_broken_off_build_leaves_nothing(engine, tmp_path, monkeypatch):
    """An exception in the middle of a build, as Ctrl-C is one: no image, and the next build is whole."""
    recipe, found = recipe_of_its_own(tmp_path), engines.find(engine)
    with found.client() as client:
        build = client.build

        def broken_off(**settings):
            for word in build(**settings):
                yield word
                if "COPY" in str(word):
                    raise KeyboardInterrupt

        monkeypatch.setattr(client, "build", broken_off)
        with pytest.raises(KeyboardInterrupt):
            image.ensure(found, client, recipe)
        monkeypatch.undo()
        wait_until(lambda: not images_of(engine, recipe.content_hash), "what was built to be gone")
        client.remove_image(image.ensure(found, client, recipe), force=True)


BUILDS = """
import sys, time
from pathlib import Path
from harness.adapters.container import engine as engines, image

engine, changed = engines.find(sys.argv[1]), Path(sys.argv[2])
files = image.recipe("scratch").files | {image.HANDLER_IN_IMAGE / "host.mjs": changed}
with engine.client() as client:
    build = client.build
    def stopped(**settings):
        for word in build(**settings):
            yield word
            if sys.argv[3] in str(word):
                print("go", flush=True)
                time.sleep(600)
    client.build = stopped
    image.ensure(engine, client, image.Recipe(base="scratch", files=files))
"""


@pytest.mark.parametrize("step", ["LABEL", "COPY"])
def test_a_killed_build_leaves_nothing(engine, tmp_path, step):
    """SIGKILL in the middle of a build: the reaper has the engine remove what there was of it."""
    recipe = recipe_of_its_own(tmp_path)
    command = [sys.executable, "-c", BUILDS, engine, str(tmp_path / "host.mjs"), step]
    with Child(tmp_path / "child", command, {}) as child:
        child.wait_until(lambda: "go" in child.output(), "the build to be under way")
        child.process.kill()
        child.ended()
        child.wait_until(lambda: not child.processes(), "the reaper to be done")
    assert images_of(engine, recipe.content_hash) == []
