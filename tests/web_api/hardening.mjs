// Checks that Worker code which patches the built-ins sees nothing of the prelude, and breaks nothing in it.
// What a check is: see areas.mjs.

/** Uses of the Web APIs, which call no built-in themselves. Each gives a primitive, or a promise of one. */
const USES = {
  "encodeStructured of plain data": () => {
    const list = [1, "x", , { b: null }];
    const tree = inside.encodeStructured({ list, "\ud800": "\udc00", n: -0, u: undefined, big: 5n });
    return tree[0] + tree[1].length + tree[1][1][2].length;
  },
  "encodeStructured of objects with slots": ({ map, set, date, regExp, error, bytes, view, floats, boxed }) => {
    const value = { map, set, date, regExp, error, bytes, view, floats, boxed };
    value.self = value;
    const tree = inside.encodeStructured(value);
    const collections = tree.map[0] + tree.map[1][1].x + tree.set[0];
    const views = tree.bytes[2][1] + tree.view[1] + tree.floats[1];
    return collections + tree.date[1] + tree.regExp[1] + tree.error[2] + views + tree.boxed[1] + tree.self[1];
  },
  decodeStructured: () => {
    const value = inside.decodeStructured({
      a: [[1, ["m", [1, ["d", 5]]], ["x", "a", "g"], ["r", 0]]],
      b: ["w", "Uint8Array", ["b", "AQI=", null], 0, 2],
      u: ["u", '"\\ud800"'],
    });
    return value.a.length + value.b[1] + value.u + (value.a[3] === value);
  },
  structuredClone: ({ map, error, bytes }) => structuredClone({ a: [{ b: map }, error, bytes] }).a.length,
  "structuredClone with transfer": ({ transfer }) => structuredClone(transfer[0], { transfer }) !== transfer[0],
  "a URL parsed here": () => {
    const url = new URL("http://example.com:8080/a/b?c=d&e=%20f#g");
    url.hash = "h";
    url.search = "?x=y";
    return url.href + url.searchParams.get("x") + url.origin;
  },
  "a URL parsed by the host": () => {
    const url = new URL("HTTP://Example.com/ü?a=ö");
    url.pathname = "/ä";
    return url.href + new URL("../x", "http://a/b/c").href;
  },
  URLSearchParams: () => {
    const params = new URLSearchParams("b=1&a=2&b=3+%2B");
    params.append("c", "ä");
    params.set("b", "9");
    params.delete("a");
    params.sort();
    return params.toString() + params.size + params.has("c");
  },
  Headers: () => {
    const headers = new Headers({ "X-B": " 1 ", "set-cookie": "a" });
    headers.append("x-b", "2");
    headers.append("x-a", "3");
    headers.set("Set-Cookie", "b");
    headers.delete("none");
    const first = headers.entries().next().value;
    return headers.get("X-B") + headers.has("q") + first[0] + first[1] + headers.getSetCookie()[0];
  },
  "text and bytes": () => {
    const encoded = new TextEncoder().encode("aé€😀\ud800 and quite a long run of ASCII characters");
    const decoded = new TextDecoder().decode(encoded) + new TextDecoder("latin1").decode(encoded);
    return decoded + new TextDecoder("utf-16le").decode(encoded);
  },
  base64: () => atob(btoa("hello")) + btoa("a"),
  Blob: ({ parts }) => new Blob(parts, { type: "A/B" }).slice(1, 3).text(),
  FormData: () => {
    const form = new FormData();
    form.append("a", "1");
    form.append("b", new Blob());
    form.set("a", "2");
    return form.get("a") + form.has("b") + form.get("b").name;
  },
  "digests and random values": ({ small }) => {
    const uuid = crypto.randomUUID();
    const filled = crypto.getRandomValues(small);
    return crypto.subtle.digest("SHA-256", small) !== undefined && uuid[14] === "4" && filled === small;
  },
  "events and signals": ({ noSignals }) => {
    let seen = "";
    const controller = new AbortController();
    controller.signal.addEventListener("abort", (event) => { seen += event.type; }, { once: true });
    controller.signal.onabort = () => { seen += "!"; };
    const following = AbortSignal.any(noSignals);
    controller.abort();
    const target = new EventTarget();
    const listener = () => { seen += "?"; };
    target.addEventListener("x", listener);
    target.dispatchEvent(new Event("x"));
    target.removeEventListener("x", listener);
    return seen + controller.signal.reason.name + controller.signal.reason.code + following.aborted;
  },
  clocks: () => Date.now() + performance.now() + (new Date() instanceof Date) + typeof Date(),
  console: ({ map, set, error, bytes, date, regExp }) => {
    console.log("%s", "text", 5, { a: [1, map, set] }, error, bytes, date, regExp);
    const { length } = inside.logs;
    console.debug(map);
    return inside.logs.length - length;
  },
  WebAssembly: ({ wasm }) => {
    const before = inside.wasmBytes();
    const memory = new WebAssembly.Memory({ initial: 1 });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm));
    return memory !== instance && (inside.wasmBytes() - before) / 65536;
  },
  "asynchronous WebAssembly": async ({ wasm }) => {
    const { module, instance } = await WebAssembly.instantiate(wasm);
    const compiled = await WebAssembly.compile(wasm);
    return WebAssembly.Module.imports(module).length + (compiled !== module) + (instance !== module);
  },
  queueMicrotask: () => {
    queueMicrotask(() => {});
    return true;
  },
};

/**
 * Uses the Web APIs before and after every function and getter of the built-ins is patched: both must come to the same.
 * Goes over as source.
 * @param {(given: object) => unknown} use
 * @param {boolean} hostile whether the patches throw; otherwise they only tell of it
 */
async function underPatches(use, hostile) {
  const given = {
    map: new Map([[1, { x: "m" }]]), set: new Set(["s"]), date: new Date(5), regExp: /r/g, error: new TypeError("e"),
    bytes: new Uint8Array([1, 2, 3]), view: new DataView(new ArrayBuffer(4), 1), floats: new Float64Array([1]),
    boxed: Object("b"), small: new Uint8Array(4), parts: ["ab", new Uint8Array([1, 2, 3]), "c"], noSignals: [],
    wasm: new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1]), // defines a memory of one page
    transfer: [new ArrayBuffer(1)],
  };
  given.error.stack;
  const before = await use(given);
  given.transfer = [new ArrayBuffer(1)];
  for (const iterable of [given.parts, given.transfer, given.noSignals]) {
    // These are the Worker's own, and iterated as the standards say: by what the Worker makes of Symbol.iterator.
    let at = 0;
    const next = () => (at < iterable.length ? { value: iterable[at++], done: false } : { done: true });
    Object.defineProperty(iterable, Symbol.iterator, { value: () => ({ next }) });
  }
  const { apply, ownKeys, getOwnPropertyDescriptor, defineProperty, deleteProperty } = Reflect;
  let patched = false;
  let calls = "";
  const replacement = (original, name) => original && function (...values) {
    if (!patched) return apply(original, this, values);
    calls += ` ${name}`;
    if (hostile) throw new Error(`patched ${name}`);
    return apply(original, this, values);
  };
  const prototypeOf = (value) => ({ prototype: Object.getPrototypeOf(value) });
  const holders = {
    Object, Function, Array, String, Number, Boolean, BigInt, Symbol, Map, Set, WeakMap, WeakSet, WeakRef, Promise,
    RegExp, Date, Error, ArrayBuffer, DataView, Uint8Array, Float64Array, JSON, Math, Reflect, Iterator,
    FinalizationRegistry,
    TypedArray: Object.getPrototypeOf(Uint8Array), ArrayIterator: prototypeOf([].values()),
    MapIterator: prototypeOf(new Map().values()), SetIterator: prototypeOf(new Set().values()),
  };
  const kept = ["constructor", "prototype", "caller", "callee", "arguments", "now"]; // Date.now is one of the uses
  const patchAll = (holder, holderName) => {
    for (const key of ownKeys(holder)) {
      const { value, get, set, configurable } = getOwnPropertyDescriptor(holder, key);
      if (!configurable || kept.includes(key)) continue;
      const name = `${holderName}.${String(key)}`;
      if (typeof value === "function") defineProperty(holder, key, { value: replacement(value, name) });
      if (get !== undefined) defineProperty(holder, key, { get: replacement(get, name), set: replacement(set, name) });
    }
  };
  for (const name of Object.keys(holders)) {
    const { prototype } = holders[name];
    patchAll(holders[name], name);
    if (prototype !== undefined) patchAll(prototype, `${name}.prototype`);
  }
  // Setters and a toJSON that catch what is written to a fresh object or list.
  const planted = [[Object.prototype, "0"], [Array.prototype, "1"], [Object.prototype, "a"], [Object.prototype, "name"],
    [Object.prototype, "href"]];
  for (const [holder, key] of planted) {
    const set = () => {
      if (patched) calls += ` setter of ${key}`;
    };
    defineProperty(holder, key, { get: undefined, set, configurable: true });
  }
  defineProperty(Object.prototype, "toJSON", { value: replacement(() => "planted", "toJSON"), configurable: true });
  let result;
  patched = true;
  try {
    result = await use(given);
    patched = false;
  } catch (error) {
    patched = false;
    result = error.stack;
  }
  deleteProperty(Object.prototype, "toJSON");
  for (const [holder, key] of planted) deleteProperty(holder, key);
  return result === before ? `the same${calls}` : `${result} instead of ${before} after${calls}`;
}

const patching = (use, hostile) => new Function(`return () => (${underPatches})(${use}, ${hostile})`)();

export const HARDENING = [
  ...Object.keys(USES).map((name) => [`nothing patched is called by ${name}`, patching(USES[name], false), "the same"]),
  ...Object.keys(USES).map((name) => [`nothing breaks ${name}`, patching(USES[name], true), "the same"]),
  ["globals that are gone do not matter", () => {
    const { defineProperty, getOwnPropertyDescriptor } = Object;
    const all = globalThis;
    const gone = Object.getOwnPropertyNames(all)
      .filter((name) => !["globalThis", "inside", "URL", "Headers", "TextEncoder"].includes(name))
      .map((name) => [name, getOwnPropertyDescriptor(all, name)])
      .filter(([name, { configurable }]) => configurable && delete all[name]);
    const url = new URL("http://a/?b=c");
    const seen = [url.searchParams.get("b"), new Headers({ a: "1" }).get("a"), new TextEncoder().encode("é").length,
      inside.encodeStructured([1n])[0][0][1]];
    for (const [name, descriptor] of gone) defineProperty(all, name, descriptor);
    return [gone.length > 80, ...seen];
  }, [true, "c", "1", 2, "1"]],
  ["a subclass of everything gets no internals", () => {
    const seen = [];
    for (const Interface of [URL, Headers, URLSearchParams, Event, EventTarget, TextDecoder, Blob, FormData,
      AbortController]) {
      class Mine extends Interface {}
      const mine = new Mine(Interface === URL ? "http://a" : Interface === Event ? "x" : undefined);
      seen.push(...Reflect.ownKeys(mine));
    }
    return seen;
  }, []],
];
