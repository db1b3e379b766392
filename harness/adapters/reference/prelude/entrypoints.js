// What a Worker exports and the platform calls: handlers, entrypoint classes, their context.

const contextToken = {};

/** The `ctx` of an event. */
class ExecutionContext {
  #invocation;
  constructor(token, invocation) {
    if (token !== contextToken) throw new TypeError("Illegal constructor");
    this.#invocation = invocation;
    defineProperty(this, "props", { __proto__: null, value: {}, writable: true, enumerable: true, configurable: true });
  }
  waitUntil(promise) {
    if (!this.#invocation.over) keepOpen(this.#invocation, promise);
  }
  passThroughOnException() {
    if (!this.#invocation.over) post(`["passthrough",${this.#invocation.rid}]`);
  }
}
webInterface(ExecutionContext);

/** The same object for `env` of handlers and for `import { env } from "cloudflare:workers"`. */
const env = {};

/** What events a handler can be for. */
const eventNames = ["alarm", "email", "fetch", "queue", "scheduled", "tail", "tailStream", "test", "trace"];

/** @type {Map<string, {value: any, isClass: boolean}>} by export name */
const exported = new SafeMap();

/** A class, as opposed to a function: its prototype cannot be replaced. */
function isClass(value) {
  if (typeof value !== "function") return false;
  const prototype = getOwnPropertyDescriptor(value, "prototype");
  return prototype !== undefined && ownField(prototype, "writable") === false;
}

/** @param {object} namespace the main module's @returns {string} the exports as JSON */
function inspectExports(namespace) {
  const names = ownKeys(namespace);
  let text = "";
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    if (typeof name !== "string") continue;
    const value = namespace[name];
    const ofClass = isClass(value);
    if (ofClass) need("rpc");
    exported.set(name, { __proto__: null, value, isClass: ofClass });
    const kind = ofClass ? "class" : isObject(value) ? typeof value : "other";
    const entrypoint = ofClass && isPrototypeOf(WorkerEntrypoint.prototype, value.prototype);
    const durable = ofClass && isPrototypeOf(DurableObject.prototype, value.prototype);
    text += `${text === "" ? "" : ","}{"name":${quote(name)},"kind":"${kind}",`;
    text += `"handlers":[${handlersOf(value, ofClass)}],"entrypoint":${entrypoint},"durable":${durable}}`;
  }
  return `[${text}]`;
}

/** @returns {string} names of events, as JSON without brackets */
function handlersOf(value, ofClass) {
  if (!isObject(value)) return "";
  let text = "";
  for (let index = 0; index < eventNames.length; index += 1) {
    const name = eventNames[index];
    const handles = ofClass ? methodOf(value.prototype, name) !== null : typeof value[name] === "function";
    if (handles) text += `${text === "" ? "" : ","}"${name}"`;
  }
  return text;
}

/**
 * The receiver of an event: the exported object, or a new instance of the exported class.
 * @param {string | null} name of the export
 * @throws {TypeError} when there is nothing of that name
 */
function receiverOf(invocation, name) {
  const entry = exported.get(name ?? "default");
  if (entry === undefined || !isObject(entry.value)) {
    throw new TypeError(`The Worker exports no entrypoint ${quote(name ?? "default")}.`);
  }
  const ctx = new ExecutionContext(contextToken, invocation);
  const receiver = entry.isClass ? reflectConstruct(entry.value, [ctx, env]) : entry.value;
  return { __proto__: null, receiver, ctx, isInstance: entry.isClass };
}

/**
 * Calls the handler of an event. An instance has env and ctx; an object is given them.
 * @throws {TypeError} when there is no such handler, and whatever the handler throws
 */
function callHandler(invocation, entrypoint, event, argument) {
  const { receiver, ctx, isInstance } = receiverOf(invocation, entrypoint);
  const handler = receiver[event];
  if (typeof handler !== "function") throw new TypeError(`Handler does not export a ${event}() function.`);
  return reflectApply(handler, receiver, isInstance ? [argument] : [argument, env, ctx]);
}
