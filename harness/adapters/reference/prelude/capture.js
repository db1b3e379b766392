// The built-ins as they were before any Worker code ran. Whatever a Worker does to a prototype or a global later, the
// prelude calls these: it stays right, and none of its closures is handed to a patched method.
//
// All prelude files share one function scope. The constants below shadow the globals of the same name in all of them,
// so that `new Map()` is safe everywhere, as the functions here are. Not safe are `map.get(...)`, `list.push(...)`,
// `Object.keys(...)`, `for (... of list)`, `[...list]`, `[a, b] = list` and adding a property that a setter on
// Object.prototype could catch; they are written only where the Worker's own objects are meant.

const {
  Array, ArrayBuffer, BigInt, Boolean, DataView, Error, Function, Map, Math, Number, Object, Promise,
  RegExp, Set, String, Symbol, WeakMap, WeakRef,
  EvalError, RangeError, TypeError, Uint8Array,
} = globalThis;

/** Date as V8 made it: it knows the real time, so no Worker may reach it. clock.js puts `Date` in its place. */
const RealDate = globalThis.Date;

/** `uncurryThis(Map.prototype.get)(map, key)` is `map.get(key)`, whatever became of the prototypes of both. */
const uncurryThis = Function.prototype.bind.bind(Function.prototype.call);

const { getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, defineProperty, hasOwn } = Object;
const { keys: objectKeys, prototype: ObjectPrototype } = Object;
const { apply: reflectApply, construct: reflectConstruct, deleteProperty, ownKeys } = Reflect;

/** The getter of an accessor property, as a function of the object. */
const uncurryGetter = (prototype, name) => uncurryThis(getOwnPropertyDescriptor(prototype, name).get);

const objectToString = uncurryThis(ObjectPrototype.toString);
const isPrototypeOf = uncurryThis(ObjectPrototype.isPrototypeOf);
const FunctionPrototype = Function.prototype;
const ArrayPrototype = Array.prototype;
const { toStringTag: symbolToStringTag } = Symbol;

const { parse: jsonParse, stringify: jsonStringify } = JSON;
const { isInteger } = Number;

const stringCharCodeAt = uncurryThis(String.prototype.charCodeAt);
const stringIndexOf = uncurryThis(String.prototype.indexOf);
const stringSlice = uncurryThis(String.prototype.slice);
const stringToLowerCase = uncurryThis(String.prototype.toLowerCase);
const stringToUpperCase = uncurryThis(String.prototype.toUpperCase);
const stringToWellFormed = uncurryThis(String.prototype.toWellFormed);

const setAdd = uncurryThis(Set.prototype.add);
const weakMapGet = uncurryThis(WeakMap.prototype.get);
const weakMapSet = uncurryThis(WeakMap.prototype.set);

const promiseReject = Promise.reject.bind(Promise);

/** Built-ins that V8 makes only with a context, so after the snapshot; `prepareContext` captures them. */
const late = { isError: (value) => objectToString(value) === "[object Error]", Float16Array: undefined };

/** What the host does for the prelude, synchronously and at the cost of a thread hop; filled in later, null before. */
const native = { parseUrl: null, setUrl: null, random: null, digest: null, piece: null };

/**
 * What files of the prelude offer to files before them; filled in while the snapshot is made.
 * `setTimer(callback, ms) -> id` and `clearTimer(id)`; `uncaught(error)`: takes an error that no Worker code will see.
 */
const hooks = { setTimer: null, clearTimer: null, uncaught: null };

/** Descriptors of ordinary properties, and of those that for-in does not see. */
const visible = (value) => ({ __proto__: null, value, writable: true, enumerable: true, configurable: true });
const hidden = (value) => ({ __proto__: null, value, writable: true, enumerable: false, configurable: true });

/** Sets an own property, whatever the prototype has under that name. */
const setOwn = (object, key, value) => {
  if (key in object) defineProperty(object, key, visible(value));
  else object[key] = value;
};

/** An own property, never one that somebody put on a prototype. @param {any} object @param {string} name */
const ownField = (object, name) => (hasOwn(object, name) ? object[name] : undefined);

/** What fewer files use, in the order of captures.js: as V8 has it, to be made callable there. */
const originals = ((all, getter, TypedArrayPrototype) => [
  ObjectPrototype.propertyIsEnumerable, Symbol.prototype.toString, ArrayPrototype.join, ArrayPrototype.sort,
  ArrayPrototype.indexOf, String.prototype.startsWith, String.prototype.trim, String.prototype.isWellFormed,
  RegExp.prototype.exec, Map.prototype.get, Map.prototype.set, Map.prototype.has, Map.prototype.delete,
  Map.prototype.forEach, getter(Map.prototype, "size"), Set.prototype.has, Set.prototype.delete,
  Set.prototype.forEach, getter(Set.prototype, "size"), WeakRef.prototype.deref, Promise.prototype.then,
  getter(TypedArrayPrototype, symbolToStringTag), getter(TypedArrayPrototype, "buffer"),
  getter(TypedArrayPrototype, "byteOffset"), getter(TypedArrayPrototype, "byteLength"),
  getter(TypedArrayPrototype, "length"), TypedArrayPrototype.set, getter(DataView.prototype, "buffer"),
  getter(DataView.prototype, "byteOffset"), getter(DataView.prototype, "byteLength"),
  getter(ArrayBuffer.prototype, "byteLength"), getter(ArrayBuffer.prototype, "maxByteLength"),
  getter(ArrayBuffer.prototype, "resizable"), getter(ArrayBuffer.prototype, "detached"),
  ArrayBuffer.prototype.transfer, RealDate.prototype.getTime, RealDate.prototype.toISOString,
  Boolean.prototype.valueOf, Number.prototype.valueOf, String.prototype.valueOf, BigInt.prototype.valueOf,
  getter(RegExp.prototype, "source"), String.fromCharCode, ArrayBuffer.isView, Reflect.get, Reflect.has,
  Promise.resolve.bind(Promise), getPrototypeOf(getPrototypeOf([][Symbol.iterator]())), all.FinalizationRegistry,
  all.ReferenceError, all.SyntaxError, all.URIError, all.Int8Array, all.Uint8ClampedArray, all.Int16Array,
  all.Uint16Array, all.Int32Array, all.Uint32Array, all.BigInt64Array, all.BigUint64Array, all.Float32Array,
  all.Float64Array, Math.floor, Math.min, Math.max, Math.trunc, Number.isFinite, Array.isArray,
  getter(RegExp.prototype, "hasIndices"), getter(RegExp.prototype, "global"), getter(RegExp.prototype, "ignoreCase"),
  getter(RegExp.prototype, "multiline"), getter(RegExp.prototype, "dotAll"), getter(RegExp.prototype, "unicode"),
  getter(RegExp.prototype, "unicodeSets"), getter(RegExp.prototype, "sticky"), Object.defineProperties, Object.create,
  Function.prototype.bind, Function.prototype.call, Promise.resolve, Promise.reject,
])(
  globalThis,
  (prototype, name) => getOwnPropertyDescriptor(prototype, name).get,
  getPrototypeOf(Uint8Array.prototype),
);
