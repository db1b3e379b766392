"""A third party's adapter, as small as one gets: `--runtime=tests.third_party:TinyRuntime` judges it.

It serves each Worker from a Node process of its own through a host script of a few lines, and claims nothing but that.
"""

import contextlib
import json
import os

from harness import toolchain
from harness.errors import ScriptError, UnsupportedFeature
from harness.features import ConformanceClass
from harness.http_front import HttpFront, ProcessIds
from harness.process import Supervised, instance_folder
from harness.runtime import PLAIN, Processes, require_features

HOST = """
import { createServer } from "node:http";
import { writeSync } from "node:fs";
const [main, ready] = process.argv.slice(1);
const say = (message) => writeSync(Number(ready), JSON.stringify(message) + "\\n");
const { default: worker } = await import(main).catch((error) => (say({ error: String(error) }), process.exit(1)));
if (typeof worker?.fetch !== "function") { say({ error: "no fetch handler" }); process.exit(1); }
const server = createServer(async (incoming, outgoing) => {
  const { method, headers, url } = incoming;
  const body = method === "GET" ? undefined : Buffer.concat(await incoming.toArray());
  try {
    const request = new Request(`http://${headers.host}${url}`, { method, headers, body });
    const response = await worker.fetch(request, {}, {});
    outgoing.writeHead(response.status, [...response.headers].flat());
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  } catch (error) { console.error(error); outgoing.writeHead(500).end(); }
});
server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
"""


class TinyRuntime:
    name = "tiny"
    host = HOST
    ready_deadline_s = 20.0

    def version(self):
        return "1.0"

    def identity(self):
        return {"configuration": "one process per Worker"}

    def features(self):
        return frozenset()

    def classes(self):
        return frozenset({ConformanceClass.CORE})

    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        require_features(self, application, conditions)
        with instance_folder() as folder, contextlib.ExitStack() as stack:
            started = {each.name: stack.enter_context(self.serving(each, folder)) for each in application.workers}
            instance = self.instance(started)
            stack.callback(instance.close)
            yield instance

    def instance(self, started):
        return TinyInstance(started)

    @contextlib.contextmanager
    def serving(self, worker, folder):
        """A process that listens, and its port."""
        for name, content in worker.modules.items():
            (folder / worker.name).mkdir(exist_ok=True)
            (folder / worker.name / name).write_bytes(content)
        reading, writing = os.pipe()
        main = (folder / worker.name / worker.main).as_uri()
        command = [toolchain.node(), "--input-type=module", "-e", self.host, main, str(writing)]
        limits = {"log": folder / f"{worker.name}.log", "memory_guard_bytes": 4 << 30}
        with contextlib.closing(os.fdopen(reading, "rb")):
            try:
                process = Supervised(self.name, command, pass_fds=[writing], **limits)
            finally:
                os.close(writing)
            with process:
                said = []
                take = lambda line: said.append(json.loads(line)) or True  # noqa: E731
                process.await_ready(reading, take, deadline_s=self.ready_deadline_s)
                if "error" in said[0]:
                    raise ScriptError(f"Worker {worker.name!r} does not start: {said[0]['error']}")
                yield process, said[0]["port"]


class TinyInstance(HttpFront):
    def __init__(self, started):
        self.processes = {name: process for name, (process, _) in started.items()}
        urls = {name: f"http://127.0.0.1:{port}" for name, (_, port) in started.items()}
        super().__init__(urls, self.processes.__getitem__, {Processes: ProcessIds(*self.processes.values())})

    def redeploy(self, worker):
        raise UnsupportedFeature(f"tiny does not replace {worker.name!r}", expected="a new launch")

    def alive(self):
        return all(process.alive() for process in self.processes.values())

    def log_tail(self):
        return "\n".join(process.log_tail() for process in self.processes.values())
