"use strict";

// Service bindings: fetch() and RPC from one isolate to another, as the control plane would carry them.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { FakeHost, Refusal, evaluate } = require("../fake_host.js");

const workers = path.join(__dirname, "..", "..", "..", "conformance", "workers");
const read = (/** @type {string} */ name) => fs.readFileSync(path.join(workers, name), "utf8");

const bindings = [
  { name: "CALLEE", kind: "service", handle: "h-callee", key: null },
  { name: "ACCOUNTS", kind: "service", handle: "h-accounts", key: null },
];

/**
 * Answers that let one isolate serve another's calls.
 * @param {FakeHost} callee
 * @param {string} handle
 * @param {string | null} entrypoint
 */
function carried(callee, handle, entrypoint) {
  const outcome = async (/** @type {number} */ rid) => {
    await callee.run();
    const [kind, , answer] = callee.requests.get(rid).answer;
    if (kind === "fail") throw Object.assign(new Refusal(answer.message, answer.name), { coded: answer.coded });
    return answer;
  };
  return {
    [`${handle}.rpc`]: async ([method, args]) => [
      await outcome(callee.begin({ type: "rpc", entrypoint, method, args })),
    ],
    [`${handle}.fetch`]: async ([{ url, method, headers, body }], _data, call) => {
      const sent = { method, headers, body: call.textOf(body) ?? undefined, entrypoint: entrypoint ?? undefined };
      const rid = callee.fetch(url, sent);
      const { status, statusText, headers: answered } = await outcome(rid);
      const bytes = Buffer.from(callee.outcome(rid).text ?? "");
      return [{ status, statusText, headers: answered, body: { inline: true } }, bytes];
    },
  };
}

async function pair() {
  const values = read("caller/values.mjs");
  const callee = new FakeHost({ "index.mjs": read("caller/callee.mjs"), "values.mjs": values });
  await callee.start();
  const caller = new FakeHost(
    { "index.mjs": read("caller/index.mjs"), "values.mjs": values },
    { bindings, answers: { ...carried(callee, "h-callee", null), ...carried(callee, "h-accounts", "Accounts") } },
  );
  await caller.start();
  const ask = async (/** @type {string} */ target) => {
    const rid = caller.fetch(`http://caller.example${target}`);
    await caller.run();
    const { text, failure } = caller.outcome(rid);
    assert.equal(failure, null);
    return JSON.parse(text);
  };
  const call = (/** @type {string} */ method, ...args) =>
    ask(`/call?binding=CALLEE&method=${method}&arguments=${encodeURIComponent(JSON.stringify(args))}`);
  return { caller, callee, ask, call };
}

module.exports = {
  async "fetch brings everything there and back"() {
    const { ask } = await pair();
    const url = "https://callee.example/some/path?and=query";
    assert.deepEqual(await ask(`/fetch?binding=CALLEE&url=${encodeURIComponent(url)}`), {
      status: 203,
      header: "from the callee",
      body: { url, method: "PUT", header: "from the caller", body: "a body from the caller" },
    });
  },

  async "methods of the entrypoint are called, and nothing else is"() {
    const { ask, call } = await pair();
    assert.deepEqual(await call("add", 19, 4), { returned: 23, next: { returned: 42 } });
    const names = [
      "absent",
      "env",
      "ctx",
      "Accounts",
      "who",
      "constructor",
      "dup",
      "fetchx",
      "__proto__x",
      "toStringx",
      "scheduled",
      "connectx",
    ];
    for (const method of names) {
      const { threw, next } = await call(method);
      if (method !== "constructor") assert.equal(threw?.name, "TypeError", method);
      assert.deepEqual(next, { returned: 42 });
    }
    assert.deepEqual((await ask("/call?binding=ACCOUNTS&method=who")).returned, "Accounts");
    assert.equal((await ask("/call?binding=ACCOUNTS&method=add")).threw.name, "TypeError");
  },

  async "exceptions cross with class and message"() {
    const { call } = await pair();
    for (const method of ["fail", "failLater"]) {
      for (const name of ["Error", "TypeError", "RangeError", "SyntaxError"]) {
        const { threw, next } = await call(method, name, "of the callee");
        assert.deepEqual(threw, { name, message: "of the callee", isError: true, isRangeError: name === "RangeError" });
        assert.deepEqual(next, { returned: 42 });
      }
    }
  },

  async "every kind of value crosses, both ways"() {
    const { ask } = await pair();
    for (const direction of ["there", "back"]) {
      const carriedValues = await ask(`/carry?direction=${direction}`);
      assert.equal(Object.keys(carriedValues).length, 15);
      for (const [kind, { sent, arrived }] of Object.entries(carriedValues))
        assert.deepEqual(arrived, sent, `${kind}, ${direction}`);
    }
  },

  async "values are copies, and globals are each one's own"() {
    const { ask } = await pair();
    assert.deepEqual(await ask("/copies"), { sent: "untouched", returned: "altered by the callee", kept: "untouched" });
    const marks = await ask("/globals?caller=mine&callee=theirs");
    assert.deepEqual(marks, { caller: { own: "mine", onArrays: "mine" }, callee: { own: "theirs", onArrays: null } });
  },

  async "the caller survives the callee's exception"() {
    const { ask } = await pair();
    const { threw } = await ask("/survive");
    assert.deepEqual(threw, {
      name: "RangeError",
      message: "thrown by the callee's fetch",
      isError: true,
      isRangeError: true,
    });
  },

  async "a redirect of a service is followed at the service"() {
    /** @type {any[]} */
    const asked = [];
    const { value } = await evaluate(
      async (_request, env) => {
        const response = await env.CALLEE.fetch("http://any.example/?a", { method: "POST", body: "x" });
        return [response.url, await response.text()];
      },
      {
        bindings,
        answers: {
          "h-callee.fetch": ([request]) => {
            asked.push([request.url, request.method, "hop" in request]);
            if (asked.length > 1)
              return [{ status: 200, statusText: "", headers: [], body: { inline: true } }, Buffer.from("end")];
            return [{ status: 302, statusText: "", headers: [["location", "http://127.0.0.1:1/led"]], body: null }];
          },
        },
      },
    );
    assert.deepEqual(value, ["http://127.0.0.1:1/led", "end"]);
    assert.deepEqual(asked, [
      ["http://any.example/?a", "POST", false],
      ["http://127.0.0.1:1/led", "GET", false],
    ]);
  },

  async "a stub is no promise, shows nothing and has no JSON"() {
    const { value, host } = await evaluate(
      async (_request, env) => {
        const stub = env.CALLEE;
        const awaited = await stub;
        const shown = [];
        for (let owner = stub; owner !== null; owner = Object.getPrototypeOf(owner))
          shown.push(...Reflect.ownKeys(owner).map(String));
        return {
          same: awaited === stub,
          then: typeof stub.then,
          catch: typeof stub.catch,
          json: JSON.stringify(stub),
          text: String(stub),
          own: Reflect.ownKeys(stub),
          method: typeof stub.anything,
          symbol: typeof stub[Symbol.iterator],
          isObject: stub instanceof Object,
          type: Object.prototype.toString.call(stub),
          name: stub.constructor.name,
          made: await caught(() => new stub.constructor()),
          connect: await caught(() => stub.connect("127.0.0.1:1")),
          shown: shown.join(" "),
          env: JSON.stringify(env),
          illegal: await caught(() => stub.constructor.prototype.fetch.call({}, "http://a.example/")),
        };
      },
      { bindings },
    );
    assert.deepEqual(
      [value.same, value.then, value.catch, value.json, value.text],
      [true, "undefined", "undefined", "{}", "[object Fetcher]"],
    );
    assert.deepEqual([value.own, value.method, value.symbol, value.isObject], [[], "function", "undefined", true]);
    assert.deepEqual([value.type, value.name], ["[object Fetcher]", "Fetcher"]);
    for (const each of [value.made, value.connect, value.illegal]) assert.match(each, /^TypeError: /);
    assert.ok(!value.shown.includes("h-callee") && !value.env.includes("h-callee"));
    assert.deepEqual(
      host.posts.map((post) => post[0]),
      ["respond", "done"],
    );
  },

  async "functions, RpcTargets and own classes are refused as values, before anything is sent"() {
    const host = new FakeHost(
      {
        "index.mjs": `
        import { RpcTarget } from "cloudflare:workers";
        import { caught } from "./outcomes.mjs";
        class Own { a = 1; }
        class Target extends RpcTarget {}
        export default { async fetch(request, env) {
          const values = [() => 1, { inner: new Target() }, new Own(), Symbol("s"), new Response("x"), env.CALLEE];
          values.push(Promise.resolve(1));
          return Response.json(await Promise.all(values.map((value) => caught(() => env.CALLEE.method(value)))));
        } };`,
      },
      { bindings },
    );
    await host.start();
    const seen = JSON.parse((await host.get("/")).text);
    for (const each of seen) assert.match(each, /^DataCloneError: /);
    assert.match(seen[0], /not supported by this runtime/);
    assert.match(seen[1], /not supported by this runtime/);
    assert.ok(!host.posts.some((post) => post[0] === "op"));
  },

  async "a value that cannot cross back fails the call"() {
    const host = new FakeHost({
      "index.mjs": `
        import { WorkerEntrypoint } from "cloudflare:workers";
        export default class extends WorkerEntrypoint {
          own = () => "an own property";
          give() { return { inner: () => 1 }; }
          get accessor() { return () => 1; }
          static helper() {}
          async whole() { return new Map([[1, new Date(5)]]); }
        }
        export const plain = { method() { return 1; } };
        export class Bare { method() { return 1; } }`,
    });
    await host.start();
    const call = async (/** @type {string} */ method, entrypoint = null) => {
      const rid = host.begin({ type: "rpc", entrypoint, method, args: [[]] });
      await host.run();
      const [kind, , answer] = host.requests.get(rid).answer;
      return kind === "fail" ? answer.name : answer;
    };
    assert.equal(await call("give"), "DataCloneError");
    const refused = [
      "own",
      "accessor",
      "helper",
      "env",
      "ctx",
      "toString",
      "hasOwnProperty",
      "__proto__",
      "constructor",
      "fetch",
      "dup",
    ];
    for (const name of refused) assert.equal(await call(name), "TypeError", name);
    for (const name of ["plain", "Bare"]) assert.equal(await call("method", /** @type {any} */ (name)), "TypeError");
    assert.deepEqual(JSON.parse((await call("whole")).c), ["m", [1, ["d", 5]]]);
  },

  async "values however deep cross as flat text"() {
    const { value, host } = await evaluate(
      async (_request, env) => {
        let deep = null;
        for (let level = 0; level < 1500; level += 1) deep = [deep];
        const back = await env.CALLEE.same(deep);
        let levels = 0;
        for (let at = back[0]; at !== null; at = at[0]) levels += 1;
        return levels;
      },
      { bindings, answers: { "h-callee.rpc": ([, coded]) => [coded] } },
    );
    assert.equal(value, 1500);
    const [post] = host.posts.filter((each) => each[0] === "op");
    assert.deepEqual(Object.keys(post[5][1]), ["c"]);
  },

  async "a refusal without a coded error has its name and message"() {
    const { value } = await evaluate(async (_request, env) => caught(() => env.CALLEE.method()), {
      bindings,
      answers: {
        "h-callee.rpc": () => {
          throw new Refusal("Too many subrequests by single Worker invocation.");
        },
      },
    });
    assert.equal(value, "Error: Too many subrequests by single Worker invocation.");
  },

  async "bindings are not to be used in module scope"() {
    const host = new FakeHost(
      {
        "index.mjs": `
        import { env } from "cloudflare:workers";
        let kept;
        Promise.resolve().then(() => { kept = Object.keys(env); });
        export default { fetch: () => Response.json([kept, Object.keys(env)]) };`,
      },
      { bindings },
    );
    await host.start();
    assert.deepEqual(JSON.parse((await host.get("/")).text), [[], ["CALLEE", "ACCOUNTS"]]);
  },
};
