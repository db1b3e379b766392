"use strict";

// A host for one isolate with the reference runtime's prelude: it runs turns one after another, answers host calls from
// a table, and lets time pass when nothing else happens.

const fs = require("node:fs");
const path = require("node:path");

const adapter = path.join(__dirname, "..", "..", "harness", "adapters", "reference");
const { makePreludes } = require(path.join(adapter, "host", "snapshot.js"));
const { Starter } = require(path.join(adapter, "host", "starting.js"));
const { drainedFrom } = require(path.join(adapter, "host", "turns.js"));

const nodeModules = process.argv[2];
const ivm = require(path.join(nodeModules, "isolated-vm"));
const MEMORY_MIB = 128;
const BEGIN = 0;
const RESULT = 1;
const REFUSED = 2;
const TIMER = 3;
const GONE = 4;
const MOST_TURNS = 20000;

const unhidden = { hidden: (/** @type {Function} */ make) => make() };
/** @type {any} */
let starter;

/** In place of what the lean prelude is told of which Workers may have it: every one that can, with all its pieces. */
const FOR_ALL = { most: Infinity, whole: /WebAssembly|cloudflare:workers/ };
const isForAll = process.env.ISOMARK_PRELUDE === "lean";
/** @type {any} */
let usual;

function preludes() {
  const made = makePreludes(ivm, path.join(adapter, "prelude"), nodeModules);
  const { prelude } = /** @type {any} */ (made.lean);
  usual = { most: prelude.most, whole: prelude.whole };
  if (isForAll) Object.assign(prelude, FOR_ALL);
  return made;
}

/** Runs something with the lean prelude told of Workers as it is in the runtime, or else. @param {any} told */
async function toldOtherwise(told, /** @type {() => any} */ run) {
  const prelude = leanPrelude();
  Object.assign(prelude, usual, told);
  try {
    return await run();
  } finally {
    Object.assign(prelude, usual, isForAll ? FOR_ALL : {});
  }
}

/** The lean prelude of all hosts here. */
function leanPrelude() {
  starter ??= new Starter(ivm, preludes(), unhidden, () => false);
  return starter.preludes.lean.prelude;
}

/** What a host call is refused with. */
class Refusal extends Error {
  /** @param {string} message @param {string} name @param {unknown} coded */
  constructor(message, name = "Error", coded = null) {
    super(message);
    this.name = name;
    this.coded = coded;
  }
}

class FakeHost {
  /**
   * @param {Record<string, string>} modules
   * @param {{
   *   main?: string, wasm?: Record<string, string>, bindings?: any[], vars?: any, ioOwnership?: boolean,
   *   answers?: Record<string, Function>,
   * }} [options]
   */
  constructor(
    modules,
    { main = "index.mjs", wasm = {}, bindings = [], vars = {}, ioOwnership = true, answers = {} } = {},
  ) {
    leanPrelude();
    this.modules = { ...inside("outcomes"), ...modules };
    this.main = main;
    this.wasm = wasm;
    this.config = { worker: "test", vars, bindings, io_ownership: ioOwnership };
    /** By "handle.method": takes (args, data, call); returns [value, data], or its promise, or nothing at all. */
    this.answers = answers;
    /** @type {Set<Promise<void>>} */
    this.underWay = new Set();
    this.now = 1_700_000_000_000;
    this.lastRid = 0;
    /** @type {any[][]} */
    this.turns = [];
    /** @type {{rid: number, id: number, due: number}[]} */
    this.timers = [];
    /** @type {string[]} */
    this.ended = [];
    /** @type {any[][]} */
    this.posts = [];
    /** @type {Map<number, any>} */
    this.requests = new Map();
    /** Errors that nobody in the isolate handled, as isolated-vm tells of them. @type {any[]} */
    this.stray = [];
    this.wasmBytes = 0;
  }

  /** Run the modules. @returns {Promise<any[]>} what the prelude says of the exports */
  async start() {
    const { modules, wasm, config } = this;
    const code = { modules, wasm, config, before: null };
    this.inside = starter.make(
      MEMORY_MIB,
      () => {},
      () => {},
      code,
    );
    return JSON.parse(await starter.run(this.inside, this.main, code));
  }

  /** A global variable of the isolate. @param {string} name */
  global(name) {
    return this.inside.context.global.getSync(name, { copy: true });
  }

  /** @param {string} name @param {any[]} args @param {any} options */
  apply(name, args, options = undefined) {
    return this.inside[name].apply(undefined, args, options);
  }

  /** Begin an event. @param {any} event @param {Uint8Array | undefined} bytes @returns {number} rid */
  begin(event, bytes = undefined) {
    const rid = ++this.lastRid;
    const request = {
      rid,
      bodies: new Map(),
      pipes: new Map(),
      answer: null,
      done: false,
      settled: false,
      answered: false,
    };
    this.requests.set(rid, request);
    this.turns.push([BEGIN, rid, 0, JSON.stringify(event), bytes]);
    return rid;
  }

  /**
   * Begin a request. A body that is a list of chunks waits outside, one of text is inline.
   * @param {string} url
   * @param {{
   *   method?: string, headers?: [string, string][], body?: string | string[], entrypoint?: string, event?: any,
   * }} [init]
   */
  fetch(url, { method = "GET", headers = [], body, entrypoint, event = { type: "fetch" } } = {}) {
    const described = body === undefined ? null : Array.isArray(body) ? { stream: 1, length: null } : { inline: true };
    const request = { url, method, headers, body: described };
    const bytes = typeof body === "string" ? Buffer.from(body) : undefined;
    const rid = this.begin({ entrypoint: entrypoint ?? null, ...event, request }, bytes);
    if (Array.isArray(body))
      this.requests.get(rid).bodies.set(
        1,
        body.map((chunk) => Buffer.from(chunk)),
      );
    return rid;
  }

  /** A request, and everything that comes of it. @param {string} url @param {any} init */
  async get(url, init = undefined) {
    const rid = this.fetch(url.startsWith("/") ? `http://worker.example${url}` : url, init);
    await this.run();
    return this.outcome(rid);
  }

  /** What a request came to so far. @param {number} rid */
  outcome(rid) {
    const request = this.requests.get(rid);
    const { answer, ...rest } = request;
    if (answer === null || answer[0] !== "respond")
      return { ...rest, failure: answer?.[0] === "fail" ? answer[2] : null };
    const { body, ...head } = answer[2];
    return { ...rest, ...head, body, text: textOf(request, body), failure: null };
  }

  /** Turns until nothing is left to do, time passing when it must. @param {() => boolean} until */
  async run(until = () => false) {
    for (let turns = 0; !until(); turns += 1) {
      if (turns > MOST_TURNS) throw new Error("it never ends");
      while (this.turns.length === 0 && this.underWay.size > 0) await Promise.race(this.underWay);
      if (this.turns.length === 0 && !this.nextTimer()) return;
      const [kind, rid, id, text, bytes] = /** @type {any[]} */ (this.turns.shift());
      if (this.requests.get(rid)?.done) continue;
      await this.turn(kind, rid, id, text, bytes);
    }
  }

  nextTimer() {
    this.timers.sort((a, b) => a.due - b.due);
    const timer = this.timers.shift();
    if (timer === undefined) return false;
    this.now = Math.max(this.now, timer.due);
    this.turns.push([TIMER, timer.rid, timer.id, ""]);
    return true;
  }

  /**
   * @param {number} kind
   * @param {number} rid
   * @param {number} id
   * @param {string} text
   * @param {Uint8Array | undefined} bytes
   */
  async turn(kind, rid, id, text, bytes) {
    const ended = this.ended.splice(0).join();
    const bin = bytes && bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const { claims } = this.inside;
    const place = claims.open();
    const delivered = this.apply("deliver", [
      place,
      kind,
      rid,
      id,
      text,
      this.now,
      ended,
      bin && new ivm.ExternalCopy(bin).copyInto(),
    ]);
    await delivered.catch((/** @type {any} */ error) => this.stray.push(error));
    const { posts, binaries } = drainedFrom(
      await this.apply("drain", [], { result: { copy: true } }),
      claims.measured(place),
    );
    if (posts === "") return;
    const [timers, wasm, , ...rest] = posts.split("\n");
    this.wasmBytes = Number(wasm);
    for (const timer of timers === "" ? [] : timers.split(",")) this.setTimer(timer.split(":").map(Number));
    for (const post of JSON.parse(`[${rest.join("\n")}]`)) this.take(post, binaries);
  }

  /** @param {number[]} timer */
  setTimer([rid, id, ms]) {
    this.timers = this.timers.filter((timer) => timer.id !== id);
    if (ms >= 0) this.timers.push({ rid, id, due: this.now + ms });
  }

  /** @param {any[]} post @param {ArrayBuffer[]} binaries */
  take(post, binaries) {
    this.posts.push(post);
    const [kind, rid] = post;
    const request = this.requests.get(rid);
    if (kind === "op") this.answer(request, post, binaries);
    if (["respond", "return", "fail"].includes(kind)) {
      request.answer = post;
      request.binaries = binaries;
    }
    if (kind === "settled") request.settled = true;
    if (kind === "done") this.end(rid);
  }

  /** @param {number} rid */
  end(rid) {
    this.requests.get(rid).done = true;
    this.ended.push(String(rid));
    this.timers = this.timers.filter((timer) => timer.rid !== rid);
  }

  /** @param {any} request @param {any[]} post @param {ArrayBuffer[]} binaries */
  answer(request, [, rid, id, handle, method, args, binary], binaries) {
    const data = binary === null ? undefined : Buffer.from(binaries[binary]);
    const call = {
      host: this,
      request,
      rid,
      id,
      textOf: (/** @type {any} */ body) => textOf({ ...request, binaries }, body),
    };
    const known = handle === "body" ? bodyAnswers[method] : this.answers[`${handle}.${method}`];
    const answered = (/** @type {any} */ answer) => {
      if (answer !== undefined) this.turns.push([RESULT, rid, id, JSON.stringify(answer[0] ?? null), answer[1]]);
    };
    const refused = ({ name, message, coded }) =>
      this.turns.push([REFUSED, rid, id, JSON.stringify({ name, message, coded: coded ?? null })]);
    try {
      if (known === undefined) throw new Refusal(`no answer to ${handle}.${method}`);
      const answer = known(args, data, call);
      if (!(answer instanceof Promise)) return answered(answer);
      const work = answer.then(answered, refused).finally(() => this.underWay.delete(work));
      this.underWay.add(work);
    } catch (error) {
      refused(/** @type {any} */ (error));
    }
  }

  /** The client of a request goes away. @param {number} rid */
  leave(rid) {
    this.turns.push([GONE, rid, 0, ""]);
  }
}

/** @type {Record<string, Function>} */
const bodyAnswers = {
  read([handle], _data, { request }) {
    const chunk = request.bodies.get(handle)?.shift();
    return [chunk !== undefined, chunk];
  },
  cancel([handle], _data, { request }) {
    request.bodies.set(handle, "cancelled");
    return [null];
  },
  write([guest], data, { request }) {
    const pipe = pipeOf(request, guest);
    if (pipe.refuses) throw new Refusal("the reader has gone");
    pipe.chunks.push(data);
    return pipe.holds ? undefined : [null];
  },
  end([guest], _data, { request }) {
    pipeOf(request, guest).ended = true;
    return [null];
  },
  fail([guest, message], _data, { request }) {
    pipeOf(request, guest).failed = message;
    return [null];
  },
};

/** @param {any} request @param {number} guest */
function pipeOf(request, guest) {
  const pipe = request.pipes.get(guest) ?? { chunks: [], ended: false, failed: null, holds: false, refuses: false };
  request.pipes.set(guest, pipe);
  return pipe;
}

/** @param {any} request @param {any} body */
function textOf(request, body) {
  if (body === null) return null;
  if ("text" in body) return body.text;
  if ("bin" in body) return Buffer.from(request.binaries[body.bin]).toString();
  if ("stream" in body) return Buffer.concat(request.bodies.get(body.stream)).toString();
  return Buffer.concat(pipeOf(request, body.guest).chunks).toString();
}

/** Modules that run in the isolate. @param {string[]} names of files in inside/ @returns {Record<string, string>} */
function inside(...names) {
  const source = (/** @type {string} */ file) => fs.readFileSync(path.join(__dirname, "inside", file), "utf8");
  return Object.fromEntries(names.map((name) => [`${name}.mjs`, source(`${name}.mjs`)]));
}

const OUTCOMES = 'import { caught, readAll } from "./outcomes.mjs";';

/**
 * A Worker whose fetch handler is that function. It runs in the isolate: of what is here it sees nothing.
 * @param {Function | string} handler
 */
const worker = (handler) => ({ "index.mjs": `${OUTCOMES}\nexport default { fetch: ${handler} };` });

/**
 * What a function gives, as JSON, that runs as the fetch handler of a Worker of its own.
 * @param {Function} handler
 * @param {any} options of the host; and `init`, of the request
 */
async function evaluate(handler, { init = undefined, ...options } = {}) {
  const whole = `async (...given) => Response.json((await (${handler})(...given)) ?? null)`;
  const host = new FakeHost(worker(whole), options);
  await host.start();
  const outcome = await host.get("/", init);
  if (outcome.failure !== null) throw new Error(`the handler failed: ${outcome.failure.stack}`);
  return { value: JSON.parse(outcome.text), host, outcome };
}

/**
 * A request to a Worker of its own, what it came to, and which host calls it made.
 * @param {Function | string} handler
 * @param {any} [init]
 * @param {any} [options]
 */
async function outcomeOf(handler, init, options) {
  const host = new FakeHost(worker(handler), options);
  await host.start();
  const outcome = await host.get("/", init);
  return { host, outcome, ops: host.posts.filter((post) => post[0] === "op").map((post) => `${post[3]}.${post[4]}`) };
}

module.exports = { FakeHost, Refusal, evaluate, inside, leanPrelude, outcomeOf, toldOtherwise, worker, pipeOf };
