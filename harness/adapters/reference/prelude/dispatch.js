// Where the host comes in: events become calls of handlers, and what these come to becomes posts.

/** What was returned instead of a Response, for the message. */
function nameOfValue(value) {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
  return `an object of type ${stringSlice(objectToString(value), 8, -1)}`;
}

/** The answer of fetch(). @throws for what is no answer */
function respond(invocation, response) {
  if (invocation.over) return;
  if (!isResponse(response)) {
    throw new TypeError(
      `Incorrect type for Promise: the fetch handler returned ${nameOfValue(response)} instead of a Response.`,
    );
  }
  const head = responseHead(response);
  post(`["respond",${invocation.rid},${head}${bodyOut(invocation, contentOf(response), true)}}]`);
  partDone(invocation);
}

function failRequest(invocation, error) {
  if (invocation.over) return;
  need("failures");
  postFailure(invocation, error);
  partDone(invocation);
}

/** Gives the answer when the handler's promise is kept. */
async function answerLater(invocation, result, answer) {
  try {
    answer(invocation, await result);
  } catch (error) {
    failRequest(invocation, error);
  }
}

/** What a request comes to. May throw. */
function beginFetch(invocation, event, bytes) {
  const request = incomingRequest(invocation, event.request, bytes);
  const result = callHandler(invocation, event.entrypoint, "fetch", request);
  if (isResponse(result)) respond(invocation, result);
  else answerLater(invocation, result, respond);
}

function begin(invocation, event, bytes) {
  if (event.type === "fetch") {
    beginFetch(invocation, event, bytes);
    return;
  }
  need("other events");
  otherEvents[event.type](invocation, event, bytes);
}

/** Requests that are over: what belongs to them is forgotten. @param {string} ended their ids, comma-separated */
function forgetEnded(ended) {
  for (let from = 0; from < ended.length;) {
    let to = stringIndexOf(ended, ",", from);
    if (to === -1) to = ended.length;
    const invocation = invocations.get(Number(stringSlice(ended, from, to)));
    if (invocation !== undefined) forget(invocation);
    from = to + 1;
  }
}

const BEGIN = 0;
const TIMER = 3;
const GONE = 4;

/** One event. Never throws. */
function deliver(kind, rid, id, text, nowMs, ended, bytes) {
  clock.nowMs = nowMs;
  if (ended !== "") forgetEnded(ended);
  if (kind === BEGIN) {
    const invocation = new Invocation(rid);
    invocations.set(rid, invocation);
    current = invocation;
    try {
      const event = jsonParse(text);
      begin(invocation, event, bytes);
    } catch (error) {
      failRequest(invocation, error);
    }
    return;
  }
  const invocation = invocations.get(rid);
  current = invocation ?? null;
  if (invocation === undefined) return;
  try {
    if (kind === GONE) clientLeft(invocation);
    else if (kind === TIMER) {
      need("timers");
      fireTimer(invocation, id);
    } else {
      need("asking");
      deliverAnswer(invocation, kind, id, text, bytes);
    }
  } catch (error) {
    need("failures");
    postException(invocation, error);
  }
}

function clientLeft(invocation) {
  invocation.gone = true;
  if (invocation.signal !== null) signalAbort(invocation.signal, clientGone());
}

const HOST_PREFIX = "__isomarkHost_";
let isPrepared = false;

/**
 * Takes what the host has put on the global object for the prelude, and makes the context ready. For before any Worker
 * code runs; what the host puts there later, `configure` takes.
 */
function prepare() {
  const names = objectKeys(native);
  for (let index = 0; index < names.length; index += 1) {
    const key = HOST_PREFIX + names[index];
    if (!hasOwn(globalThis, key)) continue;
    native[names[index]] = globalThis[key];
    deleteProperty(globalThis, key);
  }
  if (isPrepared) return;
  isPrepared = true;
  prepareContext();
}

/** @param {object} namespace the main module's @param {string} configText @returns {string} the exports as JSON */
function configure(namespace, configText) {
  prepare();
  const config = jsonParse(configText);
  ioOwnership = config.io_ownership !== false;
  fillEnv(config);
  return inspectExports(namespace);
}

defineProperty(globalThis, "__isomark", {
  __proto__: null,
  value: {
    __proto__: null,
    configure,
    deliver,
    drain,
    drainBinary,
    makeWasmModule: (bytes) => makeWasmModule(bytes), // which `prepareContext` makes
    prepareContext: prepare,
    workersModule,
    takePiece,
  },
  writable: true,
  enumerable: false,
  configurable: true,
});
