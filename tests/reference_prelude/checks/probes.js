"use strict";

// The suite's own Workers: each can be configured, and answers.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { FakeHost } = require("../fake_host.js");

const workers = path.join(__dirname, "..", "..", "..", "conformance", "workers");

/**
 * A probe as its configuration has it, with all that lies beside its main module.
 * @param {string} folder
 * @param {any} [options]
 */
async function probe(folder, options) {
  const configured = fs.readFileSync(path.join(workers, folder, "wrangler.jsonc"), "utf8");
  const [, target] = /** @type {RegExpMatchArray} */ (/"main": "([^"]+)"/.exec(configured));
  const { dir, base: main } = path.parse(path.join(workers, folder, target));
  const files = fs.readdirSync(dir);
  const contents = (ending, encoding) =>
    Object.fromEntries(
      files
        .filter((file) => file.endsWith(ending))
        .map((file) => [file, fs.readFileSync(path.join(dir, file), encoding)]),
    );
  const host = new FakeHost(contents(".mjs", "utf8"), { main, wasm: contents(".wasm", "base64"), ...options });
  return { host, exports: await host.start() };
}

const fetched = (status = 200, text = "{}") => ({
  answers: {
    "outbound.fetch": () => [{ status, statusText: "", headers: [], body: { inline: true } }, Buffer.from(text)],
  },
});
const service = (name, handle) => ({ name, kind: "service", handle, key: null });

/** @param {FakeHost} host @param {string} target @param {any} [init] */
async function json(host, target, init) {
  const { text, failure, status } = await host.get(target, init);
  assert.equal(failure, null, JSON.stringify(failure));
  assert.equal(status, 200);
  return JSON.parse(text);
}

module.exports = {
  async "every probe can be configured"() {
    const folders = fs.readdirSync(workers);
    assert.ok(folders.length > 10);
    for (const folder of folders) {
      const { exports: exported } = await probe(folder);
      const main = exported.find((/** @type {any} */ each) => each.name === "default");
      assert.ok(main.entrypoint || main.handlers.includes("fetch"), folder);
    }
  },

  async auth() {
    const { host } = await probe("auth");
    assert.deepEqual(await json(host, "/a"), { worker: "auth", url: "http://worker.example/a" });
    const redirected = await host.get("/?redirect-to=http%3A%2F%2Fa.example%2F");
    assert.deepEqual([redirected.status, redirected.headers], [302, [["location", "http://a.example/"]]]);
    assert.equal((await json(host, "/isomark-visits")).length, 2);
  },

  async bound() {
    const vars = { TEXT: "a text", LIST: [1], NOTHING: null };
    const bindings = [
      service("BACKEND", "h-service"),
      { name: "STORE", kind: "kv", handle: "h-kv", key: null },
      { name: "SHELVES", kind: "durable-objects", handle: "h-shelves", key: "key" },
    ];
    const stored = new Map();
    const answers = {
      "h-service.fetch": () => [
        { status: 200, statusText: "", headers: [], body: { inline: true } },
        Buffer.from('{"worker":"auth"}'),
      ],
      "h-kv.get": ([key]) => [{ found: stored.has(key), metadata: null }, stored.get(key)],
      "h-kv.put": ([key], value) => {
        stored.set(key, value);
        return [null];
      },
      "h-kv.delete": ([key]) => {
        stored.delete(key);
        return [null];
      },
      "h-shelves.fetch": ([, , request]) => [
        { status: 200, statusText: "", headers: [], body: { inline: true } },
        Buffer.from(JSON.stringify({ value: request.method })),
      ],
      "outbound.fetch": () => {
        throw Object.assign(new Error("refused"), { name: "TypeError" });
      },
    };
    const { host } = await probe("bound", { vars, bindings, answers });
    const all = [...Object.keys(vars), ...bindings.map(({ name }) => name)];
    assert.deepEqual(await json(host, "/names"), { keys: all, listed: all, all });
    assert.deepEqual((await json(host, "/vars")).LIST, [1]);
    for (const [binding, members] of Object.entries({
      BACKEND: "fetch",
      STORE: "get,put,delete",
      SHELVES: "idFromName,idFromString,newUniqueId,get",
    })) {
      assert.deepEqual(await json(host, `/kind?binding=${binding}&members=${members}`), {
        type: "object",
        missing: [],
      });
    }
    assert.deepEqual(await json(host, "/kv?binding=STORE&key=k", { method: "PUT", body: "v" }), { value: "v" });
    assert.deepEqual(await json(host, "/kv?binding=STORE&key=k", { method: "DELETE" }), { value: null });
    assert.deepEqual(await json(host, "/object?binding=SHELVES&name=n&key=k", { method: "PUT", body: "v" }), {
      value: "PUT",
    });
    const { id } = await json(host, "/object-id?binding=SHELVES&name=n");
    assert.deepEqual(await json(host, `/object?binding=SHELVES&id=${id}&key=k`), { value: "GET" });
    assert.deepEqual(await json(host, "/service?binding=BACKEND"), { worker: "auth" });
    assert.deepEqual(await json(host, "/fetch", { method: "POST", body: '["http://a/","nonsense"]' }), [
      "threw TypeError",
      "threw TypeError",
    ]);
    const guess = JSON.stringify({ names: ["STORE", "env", "__env", "nothing"], key: "k" });
    assert.deepEqual(Object.keys(await json(host, "/guess", { method: "POST", body: guess })), [
      "env[STORE].get",
      "env[STORE].fetch",
    ]);
    const walked = await json(host, "/walk");
    assert.ok(walked.values > 20 && walked.texts.includes("STORE"));
    for (const text of [...walked.texts, ...walked.sources])
      assert.ok(!/h-kv|h-service|h-shelves|\bkey$|\w:\d{2,5}\b/.test(text), text);
    for (const text of walked.texts)
      assert.ok(!/(api|access)_?key|secret|token|passw(or)?d|credential|bearer/i.test(text), text);
  },

  async "bound's Durable Object"() {
    const kept = new Map();
    const { host } = await probe("bound", {
      answers: {
        "h-storage.get": ([keys]) => [keys.filter((key) => kept.has(key)).map((key) => [key, kept.get(key)])],
        "h-storage.put": ([entries]) => {
          for (const [key, value] of entries) kept.set(key, value);
          return [null];
        },
      },
    });
    const event = { type: "object-fetch", class: "Shelf", id: "ab".repeat(32), name: null, storage: "h-storage" };
    assert.deepEqual(await json(host, "/?key=k", { event }), { value: null });
    assert.deepEqual(await json(host, "/?key=k", { event, method: "PUT", body: "v" }), { value: "v" });
    assert.deepEqual(await json(host, "/?key=k", { event }), { value: "v" });
  },

  async concurrency() {
    const { host } = await probe("concurrency", fetched(200, '{"together":1}'));
    const { nonce } = await json(host, "/isolate");
    assert.match(nonce, /^[0-9a-f-]{36}$/);
    const rids = [1, 2, 3].map(() => host.fetch("http://worker.example/count?rounds=5&stride=10"));
    await host.run();
    assert.deepEqual(
      rids.map((rid) => JSON.parse(/** @type {any} */ (host.outcome(rid).text)).nonce),
      [nonce, nonce, nonce],
    );
    const counted = await json(host, "/counted");
    assert.deepEqual([counted.nonce, counted.shared, counted.overlaps], [nonce, 150, 0]);
    for (const [way, end] of Object.entries(await json(host, "/threads"))) assert.notEqual(end, true, way);
    assert.deepEqual(await json(host, "/together?n=2&target=http%3A%2F%2Fa.example%2F"), [
      { together: 1 },
      { together: 1 },
    ]);
    assert.equal((await host.get("/absent")).status, 404);
  },

  async cpu() {
    const { host } = await probe("cpu", fetched());
    assert.match((await json(host, "/isolate")).nonce, /^[0-9a-f-]{36}$/);
    assert.equal((await json(host, "/mixed?rounds=10&wait=5&fetch=http%3A%2F%2Fa.example%2F")).done, true);
  },

  async lifecycle() {
    const { host } = await probe("lifecycle");
    const first = await json(host, "/isolate");
    assert.deepEqual([first.evaluations, first.served], [1, 1]);
    assert.equal((await json(host, "/global?set=here")).mark, "here");
    const rids = [1, 2, 3].map(() => host.fetch("http://worker.example/overlap?until=3"));
    await host.run();
    assert.deepEqual(
      rids.map((rid) => JSON.parse(/** @type {any} */ (host.outcome(rid).text)).most),
      [3, 3, 3],
    );
    assert.equal((await host.get("/throw")).failure.name, "TypeError");
    assert.equal((await host.get("/reject")).failure.name, "RangeError");
    assert.equal((await json(host, "/stray-rejection")).nonce, first.nonce);
    assert.equal(host.stray.length, 1);
  },

  async memory() {
    const { host } = await probe("memory");
    for (const kind of ["heap", "buffers", "wasm"]) {
      assert.equal((await host.get(`/hold?kind=${kind}&mib=3`)).text, "1\n2\n3\nheld 3\n");
      if (kind === "wasm") assert.ok(host.wasmBytes >= 3 << 20);
    }
    const through = await host.get("/through", { method: "POST", body: ["a", "b"] });
    assert.deepEqual([through.body, through.text], [{ stream: 1 }, "ab"]);
    assert.match((await json(host, "/")).nonce, /^[0-9a-f-]{36}$/);
  },

  async neighbour() {
    const { host } = await probe("neighbour");
    const { nonce, served, mark } = await json(host, "/");
    assert.deepEqual([typeof nonce, served, mark], ["string", 1, null]);
  },

  async reacher() {
    const answers = {
      ...fetched(404, "nobody").answers,
      "h-auth.fetch": ([{ url }]) => [
        { status: 200, statusText: "", headers: [], body: { inline: true } },
        Buffer.from(url),
      ],
    };
    const { host } = await probe("reacher", { bindings: [service("AUTH", "h-auth")], answers });
    const attempts = JSON.stringify([
      { url: "http://a.example/" },
      { url: "http://user@auth/" },
      { url: "http://a/", method: "PUT", headers: { a: "b" } },
    ]);
    const [one, two, three] = await json(host, "/fetch", { method: "POST", body: attempts });
    assert.deepEqual(
      [one, three],
      [
        { status: 404, text: "nobody" },
        { status: 404, text: "nobody" },
      ],
    );
    assert.match(two.threw, /^TypeError: .*credentials/);
    const urls = JSON.stringify([{ url: "https://nowhere.invalid:8443/deep/path?and=query" }]);
    assert.deepEqual(await json(host, "/bound", { method: "POST", body: urls }), [
      { status: 200, text: "https://nowhere.invalid:8443/deep/path?and=query" },
    ]);
    const targets = JSON.stringify([["127.0.0.1", 9]]);
    for (const end of Object.values(await json(host, "/connect-bound", { method: "POST", body: targets })))
      assert.match(/** @type {any} */ (end).threw, /^TypeError: /);
    const ends = Object.values(await json(host, "/connect", { method: "POST", body: targets }));
    assert.ok(ends.length > 4 && ends.every((/** @type {any} */ end) => end.connected !== true));
    assert.deepEqual([await json(host, "/touch"), await json(host, "/touched")], [1, 1]);
  },

  async release() {
    const { host } = await probe("release", fetched());
    assert.equal((await host.get("/")).text, "first");
    const rid = host.begin({ type: "rpc", entrypoint: null, method: "held", args: [["http://a.example/"]] });
    const other = host.begin({ type: "rpc", entrypoint: "Accounts", method: "release", args: [[]] });
    await host.run();
    assert.deepEqual(
      [rid, other].map((each) => JSON.parse(host.requests.get(each).answer[2].c)),
      ["first", "first"],
    );
  },

  async subrequests() {
    const stored = new Map();
    const row = (/** @type {number} */ value) => ({ columns: ["next"], rows: [[value]], meta: { changes: 0 } });
    const inline = (/** @type {string} */ text) => [
      { status: 200, statusText: "", headers: [], body: { inline: true } },
      Buffer.from(text),
    ];
    const bindings = [
      service("ADDER", "h-adder"),
      { name: "STORE", kind: "kv", handle: "h-kv", key: null },
      { name: "DB", kind: "d1", handle: "h-d1", key: null },
      { name: "TALLIES", kind: "durable-objects", handle: "h-tallies", key: "key" },
    ];
    let spent = 0;
    const answers = {
      "outbound.fetch": () => {
        spent += 1;
        if (spent > 10) throw new Error("Too many subrequests by single Worker invocation.");
        return inline("x");
      },
      "h-adder.fetch": ([{ url }]) => inline(url.slice(url.lastIndexOf("/") + 1)),
      "h-adder.rpc": ([, { c }]) => [
        JSON.parse(c)[0].reduce((/** @type {number} */ sum, /** @type {number} */ each) => sum + each, 0),
      ],
      "h-kv.put": ([key], value) => {
        stored.set(key, value);
        return [null];
      },
      "h-kv.get": ([key]) => [{ found: stored.has(key), metadata: null }, stored.get(key)],
      "h-d1.query": ([[{ params }]]) => [[row(params[0] + 1)]],
      "h-tallies.fetch": () => inline("1"),
    };
    const { host } = await probe("subrequests", { bindings, answers });
    const kinds = ["kv-put", "kv-get", "d1", "object", "service-fetch", "service-rpc", "fetch"];
    const steps = kinds.map((kind) => ({
      kind,
      count: kind === "fetch" ? 12 : 5,
      lanes: 3,
      target: "http://a.example/",
    }));
    const { results } = await json(host, "/", { method: "POST", body: JSON.stringify(steps) });
    for (const { kind, served, firstError } of results.slice(0, -1))
      assert.deepEqual([kind, served, firstError], [kind, 5, null]);
    const refused = results.at(-1);
    assert.deepEqual([refused.served, refused.firstFailed], [10, 11]);
    assert.equal(refused.firstError, "Error: Too many subrequests by single Worker invocation.");
  },

  async keeper() {
    const answers = {
      "outbound.fetch": ([{ url }], _data, call) => {
        if (url.includes("hold")) return undefined;
        call.request.bodies.set(60, [Buffer.from("content")]);
        return [{ status: 200, statusText: "", headers: [], body: { stream: 60, length: null } }];
      },
    };
    for (const kind of [
      "request-text",
      "request-body",
      "request-reader",
      "response-text",
      "response-body",
      "response-reader",
    ]) {
      const { host } = await probe("keeper", { answers });
      const init = { method: "POST", body: ["content"] };
      const query = `kind=${kind}&target=http%3A%2F%2Fa.example%2F`;
      assert.deepEqual((await json(host, `/own?${query}`, init)).outcome, { gave: "content" }, kind);
      await json(host, `/keep?${query}`, init);
      const ended = await json(host, "/use");
      assert.deepEqual([ended.plain, ended.outcome], [`kept by ${kind}`, { threw: "Error" }]);
      const open = host.fetch(`http://worker.example/keep?${query}&hold=http%3A%2F%2Fhold.example%2F`, init);
      await host.run();
      assert.equal(host.requests.get(open).done, false);
      assert.deepEqual((await json(host, "/use")).outcome, { threw: "Error" });
    }
  },

  async "grown, whose memory is inside a WebAssembly module"() {
    const { host } = await probe("grown");
    assert.match((await host.get("/?mib=3")).text, /^1\n2\n3\nheld 3\n$/);
    assert.ok(host.wasmBytes >= 3 << 20);
  },

  async surface() {
    const { host } = await probe("surface", { ...fetched(), vars: { PLAIN: "a text" } });
    assert.deepEqual(await json(host, "/environment"), { PLAIN: "a text" });
    for (const route of ["/read?path=%2Fetc%2Fhostname", "/run?word=said"]) {
      for (const end of Object.values(await json(host, route))) assert.match(/** @type {any} */ (end), /^threw /);
    }
    assert.deepEqual(await json(host, "/globals?name=process&name=Deno&name=Bun&name=require&name=fetch"), ["fetch"]);
  },
};
