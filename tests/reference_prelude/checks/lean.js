"use strict";

// The lean prelude: which Workers have it and with what, that its globals are those of the whole one, and that pieces which
// come late are out of reach of a Worker that has replaced every built-in.

const assert = require("node:assert/strict");
const { FakeHost, leanPrelude, toldOtherwise } = require("../fake_host.js");

const config = { worker: "test", vars: {}, bindings: [], io_ownership: true };
const handler = (/** @type {string} */ body) => `export default { fetch(request) { ${body} } };`;

/** @param {string} source @param {any} [more] @returns {string[] | null} what a Worker is started with; null: all */
const startOf = (source, more = {}) =>
  leanPrelude()
    .startOf({ modules: { "index.mjs": source }, config, before: null, ...more })
    ?.map(({ name, globals }) => (globals === "" ? `(${name})` : name)) ?? null;

/** What a global is, inside and out, as far as code can see it without calling it. Runs in the isolate. */
const LOOK = `((names) => {
  const shown = (object) => Object.entries(Object.getOwnPropertyDescriptors(object)).map(([key, one]) => [
    key, one.enumerable, one.configurable, one.writable, typeof one.value, typeof one.get, typeof one.set,
    typeof one.value === "function" ? one.value.length : one.value === Object(one.value) ? "" : String(one.value),
  ]).join("; ");
  return JSON.stringify(names.map((name) => {
    const own = Object.getOwnPropertyDescriptor(globalThis, name);
    if (own === undefined) return [name];
    const { value } = own;
    const all = [name, typeof value, own.writable, own.enumerable, own.configurable, Object(value) === value && shown(value)];
    for (let at = value?.prototype; at; at = Object.getPrototypeOf(at)) all.push(shown(at), at[Symbol.toStringTag]);
    if (typeof value === "object") all.push(Object.prototype.toString.call(value), shown(Object.getPrototypeOf(value)));
    return all;
  }));
})`;

/** A Worker that replaces all it can reach by functions that count, and says how often they are called by what follows. */
const REPLACING = `
  const { apply, ownKeys, getOwnPropertyDescriptor, defineProperty } = Reflect;
  const calls = [];
  let isOn = false;
  const put = (original, name) => function (...given) {
    if (isOn) { isOn = false; calls[calls.length] = name; isOn = true; }
    return new.target === undefined ? apply(original, this, given) : Reflect.construct(original, given, new.target);
  };
  const all = {
    Object, Function: (() => {}).constructor, Array, String, Number, Boolean, BigInt, Symbol, Map, Set, WeakMap, WeakSet,
    WeakRef, Promise, RegExp, Date, Error, ArrayBuffer, DataView, Uint8Array, JSON, Math, Reflect, Iterator,
  };
  const holders = [];
  for (const [name, value] of Object.entries(all)) {
    holders.push([name, value]);
    if (typeof value === "function") holders.push([name + ".prototype", value.prototype]);
  }
  holders.push(["%TypedArray%", Object.getPrototypeOf(Uint8Array)], ["%TypedArray%.prototype", Object.getPrototypeOf(Uint8Array.prototype)]);
  holders.push(["%ArrayIterator%", Object.getPrototypeOf([][Symbol.iterator]())], ["%StringIterator%", Object.getPrototypeOf(""[Symbol.iterator]())]);
  const replace = (spared = []) => {
    for (let h = 0; h < holders.length; h += 1) {
      const name = holders[h][0], holder = holders[h][1];
      const keys = ownKeys(holder);
      for (let k = 0; k < keys.length; k += 1) {
        const one = getOwnPropertyDescriptor(holder, keys[k]);
        if (keys[k] === "constructor" || keys[k] === "prototype" || !one.configurable) continue;
        const label = name + "." + (typeof keys[k] === "symbol" ? "@@" : keys[k]);
        let isSpared = false;
        for (let s = 0; s < spared.length; s += 1) isSpared ||= spared[s] === label;
        if (isSpared) continue;
        if (typeof one.value === "function") one.value = put(one.value, label);
        else if (one.get !== undefined) one.get = put(one.get, label);
        else continue;
        defineProperty(holder, keys[k], one);
      }
    }
    isOn = true;
  };
  const done = (seen) => { isOn = false; let text = ""; for (let i = 0; i < calls.length; i += 1) text += calls[i] + " "; return new Response(seen + "|" + text); };
`;

/** @param {string} body of the fetch handler @param {any} [init] */
async function underReplacing(body, init) {
  const source = `${REPLACING}\nexport default { async fetch(request, env, ctx) { ${body} } };`;
  const host = new FakeHost({ "index.mjs": source });
  host.modules = { "index.mjs": source };
  assert.deepEqual(startOf(source), [], "nothing is named");
  await host.start();
  const outcome = await host.get("/path?a=b", init);
  if (outcome.failure !== null) throw new Error(`the handler failed: ${outcome.failure.stack}`);
  return outcome.text;
}

module.exports = {
  async "a Worker is started with what it names, and with all where that cannot be told"() {
    await toldOtherwise({}, () => {
      assert.deepEqual(startOf(handler("return new Response('x');")), []);
      assert.deepEqual(startOf(handler("return new Response(null, { headers: {} });")), ["(captures)", "(members)", "headers"]);
      assert.ok(startOf(handler("return new URL(request.url);"))?.includes("url"));
      assert.ok(startOf(handler("console.log(1)"))?.includes("console"));
      assert.deepEqual(startOf(handler("return curl$.urls;")), [], "a part of a name is none");
      for (const body of ["globalThis.x", "self", "WebAssembly", "a\\u{62}", "'cloudflare:workers'", "request.body"])
        assert.equal(startOf(handler(body)), null, body);
      const plain = handler("");
      assert.equal(startOf(plain + " ".repeat(65536)), null);
      assert.equal(startOf(plain, { before: "1" }), null);
      assert.equal(startOf(plain, { wasm: { "a.wasm": "" } }), null);
      assert.equal(startOf(plain, { config: { ...config, bindings: [{}] } }), null);
      assert.equal(startOf(plain, { modules: { a: plain, b: "globalThis" } }), null);
    });
  },

  async "globals are those of the whole prelude"() {
    const { pieces } = leanPrelude();
    const names = [...pieces.values()].flatMap(({ globals }) => (globals === "" ? [] : globals.split(",")));
    const all = [...names, "Date", "Request", "Response", "fetch", "eval", "Function", "SharedArrayBuffer"];
    const [lean, whole] = [new FakeHost({}), new FakeHost({})];
    lean.modules = { "index.mjs": handler(`return [${names}];`) };
    whole.modules = { "index.mjs": handler(`globalThis; return [${names}];`) };
    await toldOtherwise({ most: Infinity }, () => lean.start());
    await toldOtherwise({}, () => whole.start());
    assert.ok(lean.inside.pieces !== null && whole.inside.pieces === null);
    const looks = [lean, whole].map(({ inside }) => {
      const text = inside.context.evalSync(`${LOOK}(${JSON.stringify(all)})`);
      return Object.fromEntries(JSON.parse(text).map(([name, ...look]) => [name, look]));
    });
    for (const name of all) assert.deepEqual(looks[0][name], looks[1][name], name);
    const own = [lean, whole].map(({ inside }) =>
      JSON.parse(inside.context.evalSync("JSON.stringify(Object.getOwnPropertyNames(globalThis))")),
    );
    assert.deepEqual(new Set(own[1].filter((name) => !own[0].includes(name))), new Set(["WebAssembly", "self"]));
    assert.deepEqual(own[0].filter((name) => !own[1].includes(name)), []);
  },

  async "a Worker that gets at the global object without naming it finds no way out there"() {
    const found = `Object.defineProperty(Object.prototype, "$all", { get() { return this; } });
      const all = $all;
      const ways = ["WebAssem" + "bly", "Shared" + "ArrayBuffer", "g" + "c", "pro" + "cess", "requ" + "ire"];
      const seen = ways.filter((name) => name in all);
      for (const name of Reflect.ownKeys(all)) if (/isomark/i.test(String(name))) seen.push(name);
      let ran = "";
      for (const way of [() => all["ev" + "al"]("1"), () => all["Func" + "tion"]("return 1")()])
        try { ran += way(); } catch (error) { ran += error.name; }`;
    const host = new FakeHost({});
    host.modules = { "index.mjs": `${found}\nexport default { fetch() { return new Response([...seen, ran].join()); } };` };
    await host.start();
    assert.ok(host.inside.pieces !== null);
    assert.equal((await host.get("/")).text, "EvalErrorEvalError");
  },

  async "what comes late calls nothing that the Worker has replaced"() {
    const late = await underReplacing(
      `const bytes = new Uint8Array([104, 105]);
      replace();
      let seen = request["u" + "rl"] + request["he" + "aders"].get("x") + (request["si" + "gnal"].aborted);
      const given = new Response(bytes, { status: 201 });
      const text = given["te" + "xt"]();
      seen += new Response(null, { ["he" + "aders"]: { b: "c" } })["he" + "aders"].get("b");
      ctx.waitUntil(new Promise((resolve, reject) => reject(1)));
      return text.constructor === undefined ? null : done(seen + given.status);`,
      { headers: [["x", "y"]] },
    );
    assert.equal(late, "http://worker.example/path?a=byfalsec201|");
  },

  async "forms and exceptions come late, too"() {
    const parsed = await underReplacing(
      `replace(["Promise.prototype.then"]);
      const form = await request["form" + "Da" + "ta"]();
      const seen = form.get("a") + form.has("b");
      return done(seen);`,
      { method: "POST", headers: [["content-type", "application/x-www-form-urlencoded"]], body: "a=1" },
    );
    assert.equal(parsed, "1false|");
    const host = new FakeHost({});
    host.modules = { "index.mjs": `${REPLACING} export default { fetch() { replace(); throw new RangeError("late"); } };` };
    await host.start();
    const outcome = await host.get("/");
    assert.deepEqual([outcome.failure.name, outcome.failure.message], ["RangeError", "late"]);
  },

  async "streams come late, but not past a built-in that was replaced"() {
    const read = `const stream = request["bo" + "dy"]; const reader = stream["get" + "Reader"]();
      const { value } = await reader.read(); return new Response(String(value));`;
    for (const [before, expected] of [["", "104,105"], ["Promise.prototype.then = Promise.prototype.then;", "104,105"]]) {
      const host = new FakeHost({});
      host.modules = { "index.mjs": `export default { async fetch(request) { ${before} ${read} } };` };
      await host.start();
      assert.ok(host.inside.pieces !== null);
      assert.equal((await host.get("/", { method: "POST", body: ["hi"] })).text, expected);
    }
    const replaced = [
      "Object.defineProperty", "Object.defineProperties", "Object.create", "Object.setPrototypeOf", "Promise.resolve",
      "Promise.reject", "Promise.prototype.then", "Number.isFinite", "Math.trunc", "Object.prototype.get",
      "(() => {}).constructor.prototype.bind", "(() => {}).constructor.prototype.call",
    ];
    for (const name of replaced) {
      const host = new FakeHost({});
      const seen = `let seen = 0; const original = ${name}; const spy = function (...given) { seen += 1; return Reflect.apply(original, this, given); };`;
      const body = `${name} = spy; try { request["bo" + "dy"]; return new Response("none"); } catch (error) { return new Response(error.name + seen); }`;
      host.modules = { "index.mjs": `${seen} export default { fetch(request) { ${body} } };` };
      await host.start();
      assert.equal((await host.get("/", { method: "POST", body: ["hi"] })).text, "TypeError0", name);
    }
    const whatIsCalled = await underReplacing(
      `replace(${JSON.stringify([...replaced, "Function.prototype.bind", "Function.prototype.call"])});
      const stream = request["bo" + "dy"];
      return done(typeof stream);`,
      { method: "POST", body: ["hi"] },
    );
    // Making a stream calls these, when the library comes early too.
    assert.equal(whatIsCalled, "object|Number.isNaN Promise.@@ Promise.@@ ");
  },
};
