"use strict";

// I/O objects belong to the request in whose turn they were made (CON-5).

const assert = require("node:assert/strict");
const { FakeHost } = require("../fake_host.js");

const FOREIGN = /^Error: Cannot perform I\/O on behalf of a different request\./;

/** Ways to use what another request keeps. @type {Record<string, string>} */
const ways = {
  "text of a request": "kept.request.text()",
  "body of a request": "kept.request.body",
  "clone of a request": "kept.request.clone()",
  "a request made from it": "new Request(kept.request, { method: 'POST' })",
  "a fetch of it": "fetch(kept.request)",
  "a reader's read": "kept.reader.read()",
  "a reader's cancel": "kept.reader.cancel()",
  "a reader of its stream": "kept.stream.getReader()",
  "a pipe of its stream": "kept.stream.pipeTo(new WritableStream())",
  "a pipe through of its stream": "kept.stream.pipeThrough(new TransformStream())",
  "a tee of its stream": "kept.stream.tee()",
  "a branch of its stream": "kept.branch.getReader().read()",
  "clone of a response without a body": "kept.bare.clone()",
  "an iteration of its stream": "kept.stream[Symbol.asyncIterator]().next()",
  "cancelling its stream": "kept.stream.cancel()",
  "an answer of its stream": "new Response(kept.stream)",
  "json of a fetched response": "kept.response.json()",
  "clone of a fetched response": "kept.response.clone()",
  "body of a fetched response": "kept.response.body",
};

const source = `
import { caught } from "./outcomes.mjs";
let kept;
let release;
const short = (end) => (Array.isArray(end) && typeof end[1] !== "string" ? end[0] : end);
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/keep") {
      const all = await Promise.all([1, 2, 3, 4].map(() => fetch("http://a.example/")));
      const [response, streamed, read, teed] = all;
      const [branch] = teed.body.tee();
      const bare = await fetch("http://a.example/bare");
      const { body } = await fetch("http://a.example/");
      kept = { request, response, returned: streamed, bare, branch, stream: body, reader: read.body.getReader() };
      await new Promise((resolve) => { release = resolve; setTimeout(() => {}, 1e6); });
      return new Response(await request.text() + await response.text());
    }
    if (pathname === "/return") return kept.returned;
    if (pathname === "/return-bare") return kept.bare;
    if (pathname === "/release") { release(); return new Response("released"); }
    const seen = {};
    ${Object.entries(ways)
      .map(([name, way]) => `seen[${JSON.stringify(name)}] = short(await caught(() => ${way}));`)
      .join("\n    ")}
    return Response.json(seen);
  },
};`;

const answers = {
  "outbound.fetch": ([{ url }], _data, call) => {
    if (url.endsWith("/bare")) return [{ status: 204, statusText: "", headers: [], body: null }];
    const handle = 50 + call.id;
    call.request.bodies.set(handle, [Buffer.from('"x"')]);
    return [{ status: 200, statusText: "", headers: [], body: { stream: handle, length: null } }];
  },
};

/** @param {boolean} ioOwnership */
async function keeping(ioOwnership) {
  const host = new FakeHost({ "index.mjs": source }, { answers, ioOwnership });
  await host.start();
  const rid = host.fetch("http://worker.example/keep", { method: "POST", body: ["kept"] });
  await host.run(() => host.turns.length === 0);
  return { host, rid };
}

/** A request beside one that waits. @param {FakeHost} host @param {string} path */
async function beside(host, path) {
  const rid = host.fetch(`http://worker.example${path}`);
  await host.run(() => host.requests.get(rid).done);
  return host.outcome(rid);
}

module.exports = {
  async "what another request brought in cannot be used"() {
    const { host } = await keeping(true);
    const seen = JSON.parse((await beside(host, "/use")).text);
    assert.deepEqual(Object.keys(seen), Object.keys(ways));
    for (const [way, end] of Object.entries(seen)) assert.match(String(end), FOREIGN, way);
    for (const path of ["/return", "/return-bare"]) {
      assert.match((await beside(host, path)).failure.message, /different request/);
    }
  },

  async "and its owner still can"() {
    const { host, rid } = await keeping(true);
    await beside(host, "/use");
    const request = host.requests.get(rid);
    const { id } = host.timers[0];
    host.turns.push([3, rid, id, ""]);
    await host.run(() => host.turns.length === 0);
    assert.equal(request.done, false);
    assert.deepEqual(
      [...request.bodies.values()].filter((body) => body === "cancelled"),
      [],
    );
  },

  async "without ownership it can be used"() {
    const { host } = await keeping(false);
    const rid = host.fetch("http://worker.example/use");
    await host.run(() => host.requests.get(rid).done);
    const seen = JSON.parse(/** @type {any} */ (host.outcome(rid).text));
    for (const [way, end] of Object.entries(seen)) assert.doesNotMatch(String(end), FOREIGN, way);
    assert.deepEqual(seen["text of a request"], ["no exception", "kept"]);
  },

  async "without ownership, an answer of another request is read in the other's name"() {
    const { host, rid } = await keeping(false);
    const outcome = await beside(host, "/return");
    assert.equal(outcome.text, '"x"');
    assert.ok("guest" in outcome.body);
    assert.ok(host.posts.some((post) => post[0] === "op" && post[1] === rid && post[4] === "read"));
  },

  async "what a Worker made itself may be shared"() {
    const host = new FakeHost({
      "index.mjs": `const shared = new Response("shared", { headers: { a: "b" } });
        export default { fetch: () => shared.clone() };`,
    });
    await host.start();
    for (let round = 0; round < 2; round += 1) assert.equal((await host.get("/")).text, "shared");
  },
};
