"use strict";

// Worker code that patches every built-in gets hold of nothing of the platform's, and the platform goes on.

const assert = require("node:assert/strict");
const { FakeHost, evaluate, inside } = require("../fake_host.js");

const bindings = [
  { name: "STORE", kind: "kv", handle: "h-kv", key: null },
  { name: "CALLEE", kind: "service", handle: "h-callee", key: null },
  { name: "DB", kind: "d1", handle: "h-d1", key: null },
  { name: "SHELVES", kind: "durable-objects", handle: "h-shelves", key: "k" },
];
const meta = { duration: 1, changes: 0, last_row_id: 0, rows_read: 1, rows_written: 0 };
const answers = {
  "outbound.fetch": ([{ url }], _data, call) => {
    if (url.includes("never")) return undefined;
    call.request.bodies.set(70, [Buffer.from("fet"), Buffer.from("ched")]);
    return [{ status: 200, statusText: "", headers: [["a", "b"]], body: { stream: 70, length: null } }];
  },
  "h-kv.put": () => [null],
  "h-kv.get": () => [{ found: true, metadata: null }, Buffer.from("stored")],
  "h-callee.rpc": ([method]) => {
    if (method === "add") return [3];
    throw Object.assign(new Error("refused"), { name: "RangeError" });
  },
  "h-callee.fetch": () => [{ status: 200, statusText: "", headers: [], body: { inline: true } }, Buffer.from("nested")],
  "h-d1.query": () => [[{ columns: ["a"], rows: [[1]], meta }]],
  "h-shelves.rpc": () => ["object"],
};
const EXPECTED = "fetched,stored,3,refused,1,64,object,nested,AbortError";

/**
 * @param {string} before what runs in module scope
 * @param {string} handler
 * @param {any} [init]
 */
async function exercised(before, handler, init = { method: "POST", body: ["up"] }) {
  const modules = { ...inside("spy", "exercise", "throwing") };
  const main = `import { exercise } from "./exercise.mjs";\n${before}\nexport default { fetch: ${handler} };`;
  const host = new FakeHost({ ...modules, "index.mjs": main }, { bindings, answers });
  await host.start();
  return { host, outcome: await host.get("/", init) };
}

module.exports = {
  async "with nothing patched, the exercise works"() {
    const { outcome } = await exercised("", "exercise");
    assert.equal(outcome.text, EXPECTED);
  },

  async "patched built-ins see nothing of the platform's"() {
    const before = 'import { arm, findings, patchAll } from "./spy.mjs";\npatchAll();';
    const handler = `(request, env, ctx) => {
      if (request.method === "GET") return Response.json(findings());
      arm(true);
      return exercise(request, env, ctx);
    }`;
    const { host, outcome } = await exercised(before, handler);
    assert.equal(outcome.failure, null, JSON.stringify(outcome.failure));
    assert.equal(outcome.text, EXPECTED);
    const { noted, seen } = JSON.parse((await host.get("/")).text);
    assert.ok(noted > 100);
    assert.equal(seen, "");
  },

  async "nothing of the platform's is seen from behind the prototype of arrays"() {
    const before = `
      import { DurableObject } from "cloudflare:workers";
      import { arm, findings, lurkBehindArrays } from "./spy.mjs";
      lurkBehindArrays();
      arm(true);
      export class Shelf extends DurableObject {
        constructor(ctx, env) {
          super(ctx, env);
          ctx.blockConcurrencyWhile(() => new Promise((resolve) => setTimeout(resolve, 1)));
        }
        fetch = exercise;
      }`;
    const handler = `(request, env, ctx) => {
      return request.method === "GET" ? Response.json(findings()) : exercise(request, env, ctx);
    }`;
    const { host, outcome } = await exercised(before, handler);
    assert.equal(outcome.text, EXPECTED);
    const event = { type: "object-fetch", class: "Shelf", id: "ab".repeat(32), name: null, storage: "h-storage" };
    for (const path of ["/1", "/2"]) host.fetch(`http://object${path}`, { method: "POST", body: "x", event });
    await host.run();
    const { noted, seen } = JSON.parse((await host.get("/")).text);
    assert.ok(noted > 0);
    assert.equal(seen, "");
  },

  async "a toJSON on every prototype changes no post"() {
    const before = `for (const each of [Object, Array, String, Number, Boolean, Function]) {
      each.prototype.toJSON = () => "forged";
    }`;
    const { host, outcome } = await exercised(before, "exercise");
    assert.equal(outcome.text, EXPECTED);
    const forged = host.posts.filter((post) => JSON.stringify(post).includes("forged"));
    assert.deepEqual(
      forged.map((post) => post[4]),
      ["put"], // the Worker's own metadata, which has a JSON form of its own
    );
    assert.equal(forged[0][5][1].metadata, "forged");
  },

  async "built-ins that only throw stop nothing of the platform's"() {
    const handler = `async (request) => {
      if (request.method === "GET") throw new RangeError("of the Worker");
      const response = await fetch("http://a.example/", { method: "POST", body: "text", headers: new Headers() });
      return new Response(await response.text());
    }`;
    const { host, outcome } = await exercised('import "./throwing.mjs";', handler);
    assert.equal(outcome.failure, null, JSON.stringify(outcome.failure));
    assert.equal(outcome.text, "fetched");
    const { failure, done } = await host.get("/");
    assert.deepEqual([failure.name, failure.message, done], ["RangeError", "of the Worker", true]);
  },

  async "a patched constructor or species of promises gets nothing to settle but its own"() {
    const before = `
      const seen = [];
      class Own extends Promise {
        constructor(executor) {
          seen.push(executor.name);
          super(executor);
        }
      }
      Object.defineProperty(Promise, Symbol.species, { get: () => Own });
      Object.defineProperty(Promise.prototype, "constructor", { get: () => Own });`;
    const { outcome } = await exercised(before, "exercise");
    assert.equal(outcome.text, EXPECTED);
  },

  async "prepareStackTrace is shown no receivers and no functions of the platform's"() {
    const { value } = await evaluate(async () => {
      let sites = 0;
      const leaked = [];
      Error.prepareStackTrace = (_error, frames) => {
        for (const frame of frames) {
          sites += 1;
          if (frame.getThis() !== undefined || frame.getFunction() !== undefined) leaked.push(frame.getFunctionName());
        }
        return "";
      };
      try {
        new Request("/relative");
      } catch (error) {
        error.stack;
      }
      try {
        Response.redirect("x");
      } catch (error) {
        error.stack;
      }
      await fetch("file:///x").catch((error) => error.stack);
      new Error("x").stack;
      Error.prepareStackTrace = undefined;
      return [sites > 0, leaked];
    });
    assert.deepEqual(value, [true, []]);
  },

  async "the global object shows nothing of the platform's, before and after the start"() {
    const find = `() => Reflect.ownKeys(globalThis).map(String).filter((name) => /isomark|host/i.test(name))`;
    const host = new FakeHost({
      "index.mjs": `const early = (${find})(); export default { fetch: () => Response.json([early, (${find})()]) };`,
    });
    await host.start();
    assert.deepEqual(JSON.parse((await host.get("/")).text), [[], []]);
  },

  async "classes that only the platform makes cannot be made"() {
    const { value } = await evaluate(
      async (_request, env, ctx) => {
        const things = [
          ctx,
          env.STORE,
          env.CALLEE,
          env.DB,
          env.SHELVES,
          env.SHELVES.idFromName("a"),
          env.SHELVES.getByName("a"),
          env.DB.prepare("x"),
        ];
        const body = Object.getPrototypeOf(Request);
        return Promise.all([...things.map((thing) => caught(() => new thing.constructor())), caught(() => new body())]);
      },
      { bindings },
    );
    for (const each of value) assert.match(each, /^TypeError: Illegal constructor/);
  },

  async "methods taken from one object do not work on another"() {
    const { value } = await evaluate(
      async (request, env, ctx) => {
        const fakes = [
          {},
          Object.create(Response.prototype),
          Object.create(Request.prototype),
          new Proxy(request, {}),
          new Proxy(ctx, {}),
        ];
        const uses = [
          (fake) => Response.prototype.text.call(fake),
          (fake) => Request.prototype.clone.call(fake),
          (fake) => ctx.waitUntil.call(fake, 1),
          (fake) => env.STORE.get.call(fake, "k"),
          (fake) => env.CALLEE.fetch.call(fake, "http://a.example/"),
          (fake) => Object.getOwnPropertyDescriptor(Response.prototype, "status").get.call(fake),
          (fake) => new Request(fake),
          (fake) => fetch(fake),
        ];
        const seen = [];
        for (const fake of fakes) for (const use of uses) seen.push(await caught(() => use(fake)));
        return seen;
      },
      { bindings },
    );
    for (const each of value) assert.match(String(each), /^TypeError: /);
  },
};
