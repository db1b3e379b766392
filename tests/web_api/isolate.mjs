// The pure half of the reference runtime's prelude in an isolate of its own, with stand-ins for what the other half and
// the host give it. Used by main.mjs.

import crypto from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import v8 from "node:v8";
import { fileURLToPath } from "node:url";

const ADAPTER = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../harness/adapters/reference");
const PRELUDE = path.join(ADAPTER, "prelude");
const { streamsSource } = createRequire(import.meta.url)(path.join(ADAPTER, "host", "sources.js"));
const STREAMS = "web-streams-polyfill";
/** The files under test; those of the other half are left out. */
const PURE = new Set([
  "capture.js", "captures.js", "whole.js", "webidl.js", "webidl_members.js", "clock.js", "performance.js", "encoding.js", "text_codecs.js", "exceptions.js", "events.js", "abort.js",
    STREAMS,
  "url_parsing.js", "url_search_params.js", "url.js", "headers.js", "crypto.js", "blob.js", "structured.js",
  "structured_encoder.js", "structured_decoder.js", "webassembly.js", "console.js", "codegen.js", "navigator.js", "surface.js",
]);

/** What the other half would define, and a way in for the checks: `inside`, a global that no Worker has. */
const STAND_INS = `
let inRequest = true;
const logs = [];
const timers = [];
function requireRequest(what) {
  if (!inRequest) throw new Error("Disallowed operation called within global scope: " + what);
}
function postLog(level, text) {
  append(logs, [level, text]);
}
hooks.setTimer = (callback, ms) => timers.push({ callback, ms });
hooks.clearTimer = (id) => { timers[id - 1].callback = null; };
globalThis.inside = {
  clock, logs, timers, plainUrl, utf8Encode, utf8Decode, base64Encode, base64Decode, encodeStructured, decodeStructured,
  structuredExtensions, headersFrom, headerPairs, freezeHeaders, randomBytes, prepareContext, onAbort,
  wasmBytes: () => wasmBytes(),
  makeWasmModule: (bytes) => makeWasmModule(bytes),
  leaveRequest: () => { inRequest = false; },
  setNatives: (parseUrl, setUrl, random, digest) => {
    native.parseUrl = parseUrl;
    native.setUrl = setUrl;
    native.random = random;
    native.digest = digest;
  },
};
`;

/** @param {URL} url */
const parts = (url) =>
  JSON.stringify([
    url.href, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search,
      url.hash,
    url.origin,
  ]);

const NATIVES = [
  (text, base) => {
    const url = URL.parse(text, base);
    return url === null ? "" : parts(url);
  },
  (href, property, value) => {
    const url = new URL(href);
    url[property] = value;
    return parts(url);
  },
  (count) => new Uint8Array(crypto.randomBytes(count)).buffer,
  (algorithm, data) => new Uint8Array(crypto.createHash(algorithm.replace("-",
    "")).update(new Uint8Array(data)).digest()).buffer,
];

/** A comparable text of any value, the same in Node and in an isolate. Goes over as source. */
export function show(value) {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "function";
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (ArrayBuffer.isView(value)
    && !(value instanceof DataView)) return `${value.constructor.name}(${Array.from(value, show)})`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${Array.from(new Uint8Array(value))})`;
  if (value instanceof Map) return `Map(${Array.from(value, show)})`;
  if (value instanceof Set) return `Set(${Array.from(value, show)})`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof RegExp) return String(value);
  const inner = Object.keys(value).map((key) => (Array.isArray(value)
    && String(+key) === key ? show(value[key]) : `${key}: ${show(value[key])}`));
  return Array.isArray(value) ? `[${value.length}|${inner}]` : `{${inner}}`;
}

/** Runs in either world: the check's result, or what it threw by name alone, since messages are nobody's promise. */
const RUN = `(async (check, show) => {
  try {
    return show(await check());
  } catch (error) {
    return "throws " + (error === null || typeof error !== "object" ? show(error) : error.name);
  }
})`;

const runHere = (0, eval)(RUN);

/** @param {() => unknown} check @returns {Promise<string>} its result in Node */
export const inNode = (check) => runHere(check, show);

export class Isolates {
  /** @param {string} nodeModules */
  constructor(nodeModules) {
    v8.setFlagsFromString("--wasm-max-mem-pages=2048");
    this.ivm = createRequire(path.join(nodeModules, "here.js"))("isolated-vm");
    const order = JSON.parse(fs.readFileSync(path.join(PRELUDE, "order.json"), "utf8"));
    const names = order.filter((name) => PURE.has(name));
    if (names.length !== PURE.size) throw new Error(`order.json lacks some of ${[...PURE]}`);
    const sources = names.map((name) =>
      name === STREAMS ? streamsSource(nodeModules) : fs.readFileSync(path.join(PRELUDE, name), "utf8"),
    );
    const code = `(() => {\n"use strict";\n${sources.join("\n")}\n${STAND_INS}\n})();`;
    this.snapshot = this.ivm.Isolate.createSnapshot([{ code, filename: "prelude" }]);
  }

  /** A context in which nothing but the prelude has run. */
  make() {
    const isolate = new this.ivm.Isolate({ memoryLimit: 128, snapshot: this.snapshot });
    const context = isolate.createContextSync();
    const natives = NATIVES.map((native) => new this.ivm.Callback(native));
    context.evalClosureSync("inside.setNatives($0, $1, $2, $3)", natives);
    context.evalSync("inside.prepareContext()");
    return { isolate, context };
  }

  /** @param {() => unknown} check goes over as source @returns {Promise<string>} its result in a fresh isolate */
  async run(check) {
    const { isolate, context } = this.make();
    try {
      const code = `(() => {\n"use strict";\nreturn ${RUN}(${check}, ${show});\n})()`; // a module's code is strict, too
      return await context.eval(code, { promise: true, copy: true });
    } finally {
      isolate.dispose();
    }
  }
}
