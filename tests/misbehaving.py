"""A runtime that goes wrong in the way the Worker's name says; under any other name it serves well."""

import contextlib

from harness.features import Feature
from tests.third_party import HOST, TinyRuntime

HOSTS = {
    "dies-at-start": "console.error('no room'); process.exit(7);",
    "is-killed-at-start": "process.kill(process.pid, 'SIGKILL');",
    "dies-in-the-middle": HOST.replace("const body", "console.error('out of luck'); process.exit(3); const body"),
    "is-never-ready": "setInterval(() => {}, 1000);",
    "talks-and-is-never-ready": """
        import { writeSync } from "node:fs";
        for (;;) writeSync(Number(process.argv[2]), "not yet ");
    """,
    "hangs-up": HOST.replace("const body", "outgoing.destroy(); const body"),
    "is-not-http": HOST.replace("const body", "outgoing.socket.end('what?\\r\\n\\r\\n'); return; const body"),
    "is-not-gzip": HOST.replace(
        "const body", "outgoing.writeHead(200, { 'content-encoding': 'gzip' }).end('what?'); return; const body"
    ),
    "stops-half-way": HOST.replace(
        "const body",
        "outgoing.writeHead(200, { 'content-length': 9 }); outgoing.write('half'); "
        "setTimeout(() => process.exit(3), 50); return; const body",
    ),
}


class Misbehaving(TinyRuntime):
    name = "misbehaving"

    @contextlib.contextmanager
    def serving(self, worker, folder):
        self.host = HOSTS.get(worker.name, HOST)
        self.ready_deadline_s = 0.6 if worker.name.endswith("is-never-ready") else TinyRuntime.ready_deadline_s
        with super().serving(worker, folder) as started:
            yield started
        if worker.name == "leaves-badly":
            raise RuntimeError("could not clean up")


class RefusesWhatItClaims(TinyRuntime):
    """Claims vars, and refuses them."""

    def features(self):
        return frozenset({Feature.VARS})

    def launch(self, application, conditions=None):
        return TinyRuntime.launch(TinyRuntime(), application)


class KillsItsTester(TinyRuntime):
    """Takes the process down that launches it."""

    def launch(self, application, conditions=None):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)


class CannotSayWhatItIs(TinyRuntime):
    def version(self):
        raise ZeroDivisionError("no version today")
