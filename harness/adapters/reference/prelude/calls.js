// Host calls: whose turn it is, what it posts, and which answers it waits for.
//
// Nothing that leads to the host is handed to a method looked up on a prototype that Worker code can reach: what is
// needed was captured, tables have prototypes of their own, and posts are put together as text.

/** A table whose methods are nobody's to replace: its prototype is its own and leads nowhere. */
function guardedCopyOf(Base) {
  const Guarded = class extends Base {};
  for (const name of ownKeys(Base.prototype)) {
    if (name !== "constructor") defineProperty(Guarded.prototype, name, getOwnPropertyDescriptor(Base.prototype, name));
  }
  setPrototypeOf(Guarded.prototype, null);
  return Guarded;
}

const SafeMap = guardedCopyOf(Map);

/** An array for what no Worker code may see: it has no prototype. Written by `list[list.length] = item`. */
const safeList = () => {
  const list = [];
  setPrototypeOf(list, null);
  return list;
};

/** Text as JSON that every decoder takes: halves of surrogate pairs become U+FFFD. @param {string} text */
const quote = (text) => jsonStringify(stringToWellFormed(text));

/**
 * One invocation, from its begin to its last post. Here as in every class of the prelude's own, fields are declared:
 * the first assignment to one that is not would call a setter of that name on Object.prototype.
 */
class Invocation {
  rid;
  /** Who may use what it brought in. @type {object} */
  domain = this;
  ops = null;
  timers = null;
  /** The handler, and the body of its response. */
  parts = 1;
  /** Promises given to waitUntil. */
  waits = 0;
  logs = 0;
  settled = false;
  over = false;
  /** The client is. */
  gone = false;
  /** Of its request, made when that is asked for. @type {AbortSignal | null} */
  signal = null;
  /** The Durable Object that lets nobody in until this one says so. @type {LiveObject | null} */
  blocked = null;
  constructor(rid) {
    this.rid = rid;
  }
}

/** Whose turn it is; null in module scope. @type {Invocation | null} */
let current = null;

/** @type {Map<number, Invocation>} */
const invocations = new SafeMap();

let ioOwnership = true;
let outbox = "";
let timerOutbox = "";
let binaries = safeList();
let lastId = 0;
let lastWasmBytes = 0;

/** @param {string} text one post as JSON */
function post(text) {
  outbox = outbox === "" ? text : `${outbox},${text}`;
}

/** Bytes that leave with this turn's posts. @param {ArrayBuffer} buffer nobody else's @returns {number} its index */
function addBinary(buffer) {
  binaries[binaries.length] = buffer;
  return binaries.length - 1;
}

/** What the turn posted, for the host. Nothing that a Worker defined runs in here. */
function drain() {
  current = null;
  const bytes = wasmBytes();
  if (outbox === "" && timerOutbox === "" && bytes === lastWasmBytes) return "";
  lastWasmBytes = bytes;
  const text = `${timerOutbox}\n${bytes}\n${binaries.length}\n${outbox}`;
  outbox = "";
  timerOutbox = "";
  return text;
}

function drainBinary() {
  const drained = binaries;
  binaries = safeList();
  return drained;
}

/** @throws when the turn is another request's than the one an I/O object belongs to; null belongs to nobody */
function checkOwner(domain) {
  if (domain === null || !ioOwnership || (current !== null && current.domain === domain)) return;
  throw new Error(
    "Cannot perform I/O on behalf of a different request. I/O objects (such as streams, request/response bodies, and " +
      "others) created in the context of one request handler cannot be accessed from a different request's handler.",
  );
}

/** A part of the answer is complete: the handler, or the body of its response. @param {Invocation} invocation */
function partDone(invocation) {
  invocation.parts -= 1;
  endIfDone(invocation);
}

/** The request stays open until the promise is settled. @param {Invocation} invocation @param {unknown} promise */
async function keepOpen(invocation, promise) {
  invocation.waits += 1;
  try {
    await promise;
  } catch (error) {
    need("failures");
    postException(invocation, error);
  }
  invocation.waits -= 1;
  endIfDone(invocation);
}

function endIfDone(invocation) {
  if (invocation.parts > 0 || invocation.over) return;
  if (invocation.waits === 0) {
    post(`["done",${invocation.rid}]`);
    forget(invocation);
  } else if (!invocation.settled) {
    invocation.settled = true;
    post(`["settled",${invocation.rid}]`);
  }
}

/** Nothing more comes for it and nothing more goes out. @param {Invocation} invocation */
function forget(invocation) {
  invocation.over = true;
  invocation.ops = null;
  if (invocation.timers !== null) invocation.timers.forEach((_timer, id) => timers.delete(id));
  invocation.timers = null;
  invocations.delete(invocation.rid);
  if (invocation.blocked !== null) unblock(invocation.blocked, invocation);
}
