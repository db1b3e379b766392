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

/** JSON that every decoder takes: JSON.stringify escapes no surrogates but lone ones. @param {string} json */
function decodable(json) {
  let at = stringIndexOf(json, "\\ud");
  if (at === -1) return json;
  let from = 0;
  let text = "";
  for (; at !== -1; at = stringIndexOf(json, "\\ud", at + 1)) {
    let backslashes = 1;
    while (at - backslashes >= 0 && stringCharCodeAt(json, at - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) continue; // an escaped backslash, and then the letters "ud"
    text += `${stringSlice(json, from, at)}\\ufffd`;
    from = at + 6;
  }
  return text + stringSlice(json, from);
}

/** What comes before the first of such marks. */
const beforeFirst = (text, mark) => {
  const at = stringIndexOf(text, mark);
  return at === -1 ? text : stringSlice(text, 0, at);
};

/** Plain data as JSON, also when Worker code planted a toJSON. @param {any} value */
const plainJson = (value) =>
  "toJSON" in ObjectPrototype || "toJSON" in ArrayPrototype ? plainJsonByHand(value) : jsonStringify(value);

function plainJsonByHand(value) {
  if (typeof value !== "object" || value === null) return jsonStringify(value);
  let text = "";
  if (isArray(value)) {
    for (let index = 0; index < value.length; index += 1)
      text += (index === 0 ? "" : ",") + plainJsonByHand(value[index]);
    return `[${text}]`;
  }
  const keys = objectKeys(value);
  for (let index = 0; index < keys.length; index += 1) {
    text += `${index === 0 ? "" : ","}${jsonStringify(keys[index])}:${plainJsonByHand(value[keys[index]])}`;
  }
  return `{${text}}`;
}

/**
 * CODED: a value on its way to other isolates or into storage. Text within the JSON, so that nobody on the way builds
 * what it describes, however large and deep that is.
 * @param {{plainInstances: boolean} | undefined} options
 * @throws {DOMException} DataCloneError
 */
const codedText = (value, options) => `{"c":${jsonStringify(plainJson(encodeStructured(value, options)))}}`;

/** How values are coded that a method is called with, or returns. */
const rpcOptions = { __proto__: null, plainInstances: false };

/** The value again. Data that was never coded stands for itself. @param {any} coded as JSON.parse gave it */
function decoded(coded) {
  const text = isObject(coded) ? ownField(coded, "c") : undefined;
  return decodeStructured(typeof text === "string" ? jsonParse(text) : coded);
}

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

/** The invocation whose turn it is. @param {string} what the operation, for the message @throws in module scope */
function requireRequest(what) {
  if (current !== null) return current;
  throw new Error(
    `Disallowed operation called within global scope: ${what}. Asynchronous I/O (such as fetch()), setting a ` +
      "timeout, and generating random values are not allowed there. Perform this operation within a handler.",
  );
}

/** @throws when the turn is another request's than the one an I/O object belongs to; null belongs to nobody */
function checkOwner(domain) {
  if (domain === null || !ioOwnership || (current !== null && current.domain === domain)) return;
  throw new Error(
    "Cannot perform I/O on behalf of a different request. I/O objects (such as streams, request/response bodies, and " +
      "others) created in the context of one request handler cannot be accessed from a different request's handler.",
  );
}

/**
 * Ask the host; it answers in a later turn of the same request, or never if the request ends before.
 * @param {Invocation} invocation
 * @param {string} args the arguments as JSON, without brackets
 * @param {ArrayBuffer | null} bytes
 * @param {(text: string, bytes: ArrayBuffer | undefined) => void} answered
 * @param {(error: unknown) => void} refused
 */
function startOp(invocation, handle, method, args, bytes, answered, refused) {
  if (invocation.over) throw new Error("The request that this belongs to is over.");
  lastId += 1;
  invocation.ops ??= new SafeMap();
  invocation.ops.set(lastId, { __proto__: null, answered, refused });
  const binary = bytes === null ? "null" : addBinary(bytes);
  post(`["op",${invocation.rid},${lastId},${quote(handle)},"${method}",[${args}],${binary}]`);
}

/**
 * A host call of Worker code, in the name of the request whose turn it is.
 * @template T
 * @param {string} what the operation, for messages
 * @param {(text: string, bytes: ArrayBuffer | undefined) => T} convert what the answer is to Worker code
 * @returns {Promise<T>}
 */
function callHost(what, handle, method, args, bytes, convert) {
  return new Promise((resolve, reject) => {
    const answered = (text, data) => {
      try {
        resolve(convert(text, data));
      } catch (error) {
        reject(error);
      }
    };
    startOp(requireRequest(what), handle, method, args, bytes, answered, reject);
  });
}

/** An answer to an op: kind 1 is a result, kind 2 a refusal. */
function deliverAnswer(invocation, kind, id, text, bytes) {
  const op = invocation.ops === null ? undefined : invocation.ops.get(id);
  if (op === undefined) return;
  invocation.ops.delete(id);
  if (kind === 1) op.answered(text, bytes);
  else op.refused(hostError(text));
}

/** @type {Record<string, ErrorConstructor>} */
const builtInErrors = {
  __proto__: null,
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** The error a refusal tells of: one thrown in another isolate as it was there, others by name and message. */
function hostError(text) {
  const told = jsonParse(text);
  const coded = ownField(told, "coded");
  if (coded !== undefined && coded !== null) return decoded(coded);
  const Kind = builtInErrors[told.name];
  const error = new (Kind ?? Error)(told.message);
  if (Kind === undefined)
    defineProperty(error, "name", { __proto__: null, value: told.name, configurable: true, writable: true });
  return error;
}

/** Of each of the three; nobody reads more, and it is passed on by many. */
const LONGEST_DESCRIPTION = 16_384;
const UNDESCRIBABLE = "a thrown value that cannot be described";

/** Texts of something thrown, whatever it is. Reading them may run Worker code, which may throw again. */
function describeThrown(thrown) {
  const told = { __proto__: null, name: "Error", message: "", stack: "" };
  try {
    if (!isObject(thrown)) {
      told.message = String(thrown);
      return told;
    }
    const { name, message, stack } = thrown;
    told.message = message === undefined ? String(thrown) : String(message);
    if (name !== undefined) told.name = String(name);
    if (stack !== undefined) told.stack = String(stack);
  } catch {
    told.message ||= UNDESCRIBABLE;
  }
  return told;
}

/** @returns {string} the description as JSON, its last bracket left out */
function thrownText({ name, message, stack }) {
  const text = (part) => quote(stringSlice(part, 0, LONGEST_DESCRIPTION));
  return `{"name":${text(name)},"message":${text(message)},"stack":${text(stack)}`;
}

/** A rejection or an exception that nobody handled. @param {Invocation} invocation */
function postException(invocation, thrown) {
  if (!invocation.over) post(`["exception",${invocation.rid},${thrownText(describeThrown(thrown))}}]`);
}

hooks.uncaught = (error) => {
  if (current !== null) postException(current, error);
};

/** The answer is an exception. @param {Invocation} invocation */
function postFailure(invocation, thrown) {
  const told = describeThrown(thrown);
  let coded;
  try {
    coded = codedText(thrown, undefined);
  } catch {
    coded = codedText(new (builtInErrors[told.name] ?? Error)(told.message), undefined); // parts of it cannot be sent
  }
  if (!invocation.over) post(`["fail",${invocation.rid},${thrownText(told)},"coded":${coded}}]`);
}

const MOST_LOGS = 256;
const LONGEST_LOG = 16_384;

/** A line of console output. @param {string} level @param {string} text */
function postLog(level, text) {
  if (current !== null && (current.logs += 1) > MOST_LOGS) return;
  post(`["log",${current === null ? 0 : current.rid},${quote(level)},${quote(stringSlice(text, 0, LONGEST_LOG))}]`);
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
