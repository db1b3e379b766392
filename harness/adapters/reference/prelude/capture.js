// The built-ins as they were before any Worker code ran. Whatever a Worker does to a prototype or a global later, the
// prelude calls these: it stays right, and none of its closures is handed to a patched method.
//
// All prelude files share one function scope. The constants below shadow the globals of the same name in all of them,
// so that `new Map()` is safe everywhere, as the functions here are. Not safe are `map.get(...)`, `list.push(...)`,
// `Object.keys(...)`, `for (... of list)`, `[...list]`, `[a, b] = list` and adding a property that a setter on
// Object.prototype could catch; they are written only where the Worker's own objects are meant.

const {
  Array, ArrayBuffer, BigInt, Boolean, DataView, Error, FinalizationRegistry, Function, Map, Math, Number, Object, Promise,
  RegExp, Set, String, Symbol, WeakMap, WeakRef, WeakSet,
  EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  BigInt64Array, BigUint64Array, Float32Array, Float64Array,
} = globalThis;

/** Date as V8 made it: it knows the real time, so no Worker may reach it. clock.js puts `Date` in its place. */
const RealDate = globalThis.Date;

/** `uncurryThis(Map.prototype.get)(map, key)` is `map.get(key)`, whatever became of the prototypes of both. */
const uncurryThis = Function.prototype.bind.bind(Function.prototype.call);

const { getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, defineProperty, hasOwn } = Object;
const { freeze: objectFreeze, keys: objectKeys, prototype: ObjectPrototype } = Object;
const { apply: reflectApply, construct: reflectConstruct, deleteProperty, ownKeys } = Reflect;

/** The getter of an accessor property, as a function of the object. */
const uncurryGetter = (prototype, name) => uncurryThis(getOwnPropertyDescriptor(prototype, name).get);

const objectToString = uncurryThis(ObjectPrototype.toString);
const isPrototypeOf = uncurryThis(ObjectPrototype.isPrototypeOf);
const propertyIsEnumerable = uncurryThis(ObjectPrototype.propertyIsEnumerable);
const FunctionPrototype = Function.prototype;
const ArrayPrototype = Array.prototype;
const IteratorPrototype = getPrototypeOf(getPrototypeOf([][Symbol.iterator]()));
const { iterator: symbolIterator, asyncIterator: symbolAsyncIterator, toStringTag: symbolToStringTag } = Symbol;
const symbolToString = uncurryThis(Symbol.prototype.toString);

const { parse: jsonParse, stringify: jsonStringify } = JSON;
const { floor: mathFloor, min: mathMin, max: mathMax, trunc: mathTrunc } = Math;
const { isInteger, isFinite: numberIsFinite, MAX_SAFE_INTEGER } = Number;
const { isArray } = Array;

const arrayPush = uncurryThis(ArrayPrototype.push);
const arrayJoin = uncurryThis(ArrayPrototype.join);
const arraySort = uncurryThis(ArrayPrototype.sort);
const arrayIndexOf = uncurryThis(ArrayPrototype.indexOf);

const stringFromCharCode = String.fromCharCode;
const stringCharCodeAt = uncurryThis(String.prototype.charCodeAt);
const stringIndexOf = uncurryThis(String.prototype.indexOf);
const stringLastIndexOf = uncurryThis(String.prototype.lastIndexOf);
const stringSlice = uncurryThis(String.prototype.slice);
const stringStartsWith = uncurryThis(String.prototype.startsWith);
const stringEndsWith = uncurryThis(String.prototype.endsWith);
const stringToLowerCase = uncurryThis(String.prototype.toLowerCase);
const stringToUpperCase = uncurryThis(String.prototype.toUpperCase);
const stringTrim = uncurryThis(String.prototype.trim);
const stringRepeat = uncurryThis(String.prototype.repeat);
const stringIsWellFormed = uncurryThis(String.prototype.isWellFormed);
const stringToWellFormed = uncurryThis(String.prototype.toWellFormed);
const numberToString = uncurryThis(Number.prototype.toString);
const regExpExec = uncurryThis(RegExp.prototype.exec);

const mapGet = uncurryThis(Map.prototype.get);
const mapSet = uncurryThis(Map.prototype.set);
const mapHas = uncurryThis(Map.prototype.has);
const mapDelete = uncurryThis(Map.prototype.delete);
const mapClear = uncurryThis(Map.prototype.clear);
const mapForEach = uncurryThis(Map.prototype.forEach);
const mapSize = uncurryGetter(Map.prototype, "size");
const setAdd = uncurryThis(Set.prototype.add);
const setHas = uncurryThis(Set.prototype.has);
const setDelete = uncurryThis(Set.prototype.delete);
const setForEach = uncurryThis(Set.prototype.forEach);
const setSize = uncurryGetter(Set.prototype, "size");
const weakMapGet = uncurryThis(WeakMap.prototype.get);
const weakMapSet = uncurryThis(WeakMap.prototype.set);
const weakMapHas = uncurryThis(WeakMap.prototype.has);
const weakRefDeref = uncurryThis(WeakRef.prototype.deref);

const promiseThen = uncurryThis(Promise.prototype.then);
const promiseResolve = Promise.resolve.bind(Promise);
const promiseReject = Promise.reject.bind(Promise);

const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
/** "Uint8Array" and so on; undefined for anything that is no typed array. */
const typedArrayKind = uncurryGetter(TypedArrayPrototype, symbolToStringTag);
const typedArrayBuffer = uncurryGetter(TypedArrayPrototype, "buffer");
const typedArrayByteOffset = uncurryGetter(TypedArrayPrototype, "byteOffset");
const typedArrayByteLength = uncurryGetter(TypedArrayPrototype, "byteLength");
const typedArrayLength = uncurryGetter(TypedArrayPrototype, "length");
const typedArraySet = uncurryThis(TypedArrayPrototype.set);
const dataViewBuffer = uncurryGetter(DataView.prototype, "buffer");
const dataViewByteOffset = uncurryGetter(DataView.prototype, "byteOffset");
const dataViewByteLength = uncurryGetter(DataView.prototype, "byteLength");
const isView = ArrayBuffer.isView;
/** Throws a TypeError for anything that is no ArrayBuffer. */
const arrayBufferByteLength = uncurryGetter(ArrayBuffer.prototype, "byteLength");
const arrayBufferMaxByteLength = uncurryGetter(ArrayBuffer.prototype, "maxByteLength");
const arrayBufferResizable = uncurryGetter(ArrayBuffer.prototype, "resizable");
const arrayBufferDetached = uncurryGetter(ArrayBuffer.prototype, "detached");
const arrayBufferTransfer = uncurryThis(ArrayBuffer.prototype.transfer);

const dateGetTime = uncurryThis(RealDate.prototype.getTime);
const dateToIso = uncurryThis(RealDate.prototype.toISOString);
const booleanValueOf = uncurryThis(Boolean.prototype.valueOf);
const numberValueOf = uncurryThis(Number.prototype.valueOf);
const stringValueOf = uncurryThis(String.prototype.valueOf);
const bigIntValueOf = uncurryThis(BigInt.prototype.valueOf);
const regExpSource = uncurryGetter(RegExp.prototype, "source");
const regExpFlags = {
  d: uncurryGetter(RegExp.prototype, "hasIndices"), g: uncurryGetter(RegExp.prototype, "global"),
  i: uncurryGetter(RegExp.prototype, "ignoreCase"), m: uncurryGetter(RegExp.prototype, "multiline"),
  s: uncurryGetter(RegExp.prototype, "dotAll"), u: uncurryGetter(RegExp.prototype, "unicode"),
  v: uncurryGetter(RegExp.prototype, "unicodeSets"), y: uncurryGetter(RegExp.prototype, "sticky"),
};
const reflectGet = Reflect.get;
const reflectHas = Reflect.has;

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

/** Appends to a list of the prelude's own: no setter on a prototype gets to see the value. */
const append = (list, value) => {
  const index = list.length;
  if (index in list) defineProperty(list, index, visible(value));
  else list[index] = value;
};

/** Takes one item out of such a list; `splice` would ask the species of the Worker. */
const removeAt = (list, index) => {
  for (let i = index + 1; i < list.length; i++) list[i - 1] = list[i];
  list.length--;
};

/** Sets an own property, whatever the prototype has under that name. */
const setOwn = (object, key, value) => {
  if (key in object) defineProperty(object, key, visible(value));
  else object[key] = value;
};

/** Runs a step in a microtask and gives what it comes to; `then` would ask the species of the Worker. */
const inMicrotask = async (step) => {
  await undefined;
  return step();
};

/** An own property, never one that somebody put on a prototype. @param {any} object @param {string} name */
const ownField = (object, name) => (hasOwn(object, name) ? object[name] : undefined);

/** `read(value)`, or undefined when the value has not the internal slots for it. */
const readOr = (read, value) => {
  try {
    return read(value);
  } catch {
    return undefined;
  }
};
