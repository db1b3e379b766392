// Replaces every method of the language by one that notes its receiver and arguments, and plants setters and getters on
// the prototypes of objects and arrays. What was noted can be searched for what is the platform's own.

const noted = [];
const MOST = 100_000;
const { defineProperty, apply, construct, getOwnPropertyDescriptor, ownKeys } = Reflect;
const indexOf = Function.prototype.call.bind(String.prototype.indexOf);
const sourceOf = Function.prototype.call.bind(Function.prototype.toString);
let armed = false;

/** @param {boolean} isArmed whether what is called from now on is noted */
export function arm(isArmed) {
  armed = isArmed;
}

function record(what, values) {
  if (!armed) return;
  armed = false; // what is done here is nobody's
  for (let index = 0; index < values.length && noted.length < MOST; index += 1) {
    const value = { __proto__: null, what, value: values[index] };
    defineProperty(noted, noted.length, { __proto__: null, value });
  }
  armed = true;
}

const targets = {
  Array,
  Object,
  Function,
  Promise,
  Map,
  Set,
  WeakMap,
  WeakSet,
  String,
  Number,
  RegExp,
  Symbol,
  Error,
  TypeError,
  Date,
  ArrayBuffer,
  Uint8Array,
  DataView,
  JSON,
  Reflect,
  Math,
  Proxy,
  Request,
  Response,
  Headers,
  URL,
  URLSearchParams,
  ReadableStream,
  WritableStream,
  TransformStream,
  TextEncoder,
  TextDecoder,
  ReadableStreamDefaultReader,
  ReadableStreamDefaultController,
  ReadableByteStreamController,
  AbortSignal,
  AbortController,
  EventTarget,
  TypedArray: Object.getPrototypeOf(Uint8Array),
  ArrayIterator: Object.getPrototypeOf([][Symbol.iterator]()),
  MapIterator: Object.getPrototypeOf(new Map().entries()),
};

function patch(owner, label) {
  const names = ownKeys(owner);
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    const { configurable, value, get, set, enumerable, writable } = getOwnPropertyDescriptor(owner, name);
    const title = label + (typeof name === "symbol" ? "[symbol]" : `.${name}`);
    if (!configurable || name === "constructor" || name === "prototype") continue;
    if (typeof value === "function") {
      const spy = function () {
        record(title, [this]);
        record(title, arguments);
        return new.target === undefined ? apply(value, this, arguments) : construct(value, arguments);
      };
      defineProperty(owner, name, { __proto__: null, configurable, enumerable, writable, value: spy });
    } else if (get !== undefined) {
      const spy = function () {
        record(title, [this]);
        return apply(get, this, []);
      };
      defineProperty(owner, name, { __proto__: null, configurable, enumerable, set, get: spy });
    }
  }
}

function plant(owner, name) {
  defineProperty(owner, name, {
    __proto__: null,
    configurable: true,
    get() {
      record(`get ${name}`, [this]);
      return undefined;
    },
    set(value) {
      record(`set ${name}`, [this, value]);
      defineProperty(this, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    },
  });
}

function watched(real, name) {
  return new Proxy(real, {
    __proto__: null,
    construct(target, given, made) {
      record(`new ${name}`, given);
      return construct(target, given, made);
    },
    apply(target, self, given) {
      record(name, given);
      return apply(target, self, given);
    },
  });
}

const split = (text) => text.split(" ");
const PLANTED = split(
  "then toJSON get set value handle stream rid ops timers answered refused c coded headers body status waiting " +
    "invocation highWaterMark type pull start cancel inline found columns rows name error isAtEnd failure refuse " +
    "text bytes incoming view used domain parts waits logs settled over gone signal blocked instance blocks blocker " +
    "place stored owner",
);
const GLOBALS = split("Promise Map Set Array Uint8Array ArrayBuffer Error TypeError Object String Number Symbol");

export function patchAll() {
  const labels = Object.keys(targets);
  for (let index = 0; index < labels.length; index += 1) {
    const target = targets[labels[index]];
    patch(target, labels[index]);
    if (target.prototype) patch(target.prototype, `${labels[index]}.prototype`);
  }
  for (let index = 0; index < PLANTED.length; index += 1) plant(Object.prototype, PLANTED[index]);
  for (let index = 0; index < 20; index += 1) plant(Array.prototype, `${index}`);
  for (let index = 0; index < GLOBALS.length; index += 1) {
    const value = watched(globalThis[GLOBALS[index]], GLOBALS[index]);
    defineProperty(globalThis, GLOBALS[index], { __proto__: null, configurable: true, writable: true, value });
  }
}

/** Behind the prototype of arrays: says that nothing is there, and notes what is set all the same. */
const behindArrays = new Proxy(
  {},
  {
    __proto__: null,
    has: () => false,
    set(target, name, value, receiver) {
      record("set behind arrays", [value, receiver]);
      return defineProperty(receiver, name, {
        __proto__: null,
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    },
  },
);

/** Instead of what `patchAll` plants on the prototype of arrays, which would hide this. */
export function lurkBehindArrays() {
  Object.setPrototypeOf(Array.prototype, behindArrays);
}

/** Names of properties, parts of sources, texts that only the platform's own things have. */
const NAMES = split(
  "deliver drain drainBinary configure prepareContext parseUrl answered refused rid ops invocation incoming domain " +
    "waiting failure repeats",
);
const CALLS = split("startOp( post( partDone( invocation forget( addBinary(");
const TEXTS = split('h-kv h-callee h-d1 h-shelves ["op", ["done", ["respond",');

function has(text, parts) {
  for (let index = 0; index < parts.length; index += 1) if (indexOf(text, parts[index]) !== -1) return true;
  return false;
}

function isSuspicious(value) {
  if (typeof value === "string") return has(value, TEXTS);
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  if (typeof value === "function" && has(sourceOf(value), CALLS)) return true;
  for (let index = 0; index < NAMES.length; index += 1) {
    if (getOwnPropertyDescriptor(value, NAMES[index]) !== undefined) return true;
  }
  return false;
}

/** How many values were noted, and by what the platform's own were seen. */
export function findings() {
  armed = false;
  let seen = "";
  for (let index = 0; index < noted.length; index += 1) {
    if (isSuspicious(noted[index].value)) seen += `${noted[index].what};`;
  }
  return { noted: noted.length, seen };
}
