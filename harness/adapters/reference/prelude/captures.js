// The built-ins that capture.js kept for fewer files.

let original = 0;
const next = () => originals[original++];

const propertyIsEnumerable = uncurryThis(next());
const symbolToString = uncurryThis(next());
const arrayJoin = uncurryThis(next());
const arraySort = uncurryThis(next());
const arrayIndexOf = uncurryThis(next());
const stringStartsWith = uncurryThis(next());
const stringTrim = uncurryThis(next());
const stringIsWellFormed = uncurryThis(next());
const regExpExec = uncurryThis(next());
const mapGet = uncurryThis(next());
const mapSet = uncurryThis(next());
const mapHas = uncurryThis(next());
const mapDelete = uncurryThis(next());
const mapForEach = uncurryThis(next());
const mapSize = uncurryThis(next());
const setHas = uncurryThis(next());
const setDelete = uncurryThis(next());
const setForEach = uncurryThis(next());
const setSize = uncurryThis(next());
const weakRefDeref = uncurryThis(next());
const originalThen = next();
const promiseThen = uncurryThis(originalThen);
/** "Uint8Array" and so on; undefined for anything that is no typed array. */
const typedArrayKind = uncurryThis(next());
const typedArrayBuffer = uncurryThis(next());
const typedArrayByteOffset = uncurryThis(next());
const typedArrayByteLength = uncurryThis(next());
const typedArrayLength = uncurryThis(next());
const typedArraySet = uncurryThis(next());
const dataViewBuffer = uncurryThis(next());
const dataViewByteOffset = uncurryThis(next());
const dataViewByteLength = uncurryThis(next());
/** Throws a TypeError for anything that is no ArrayBuffer. */
const arrayBufferByteLength = uncurryThis(next());
const arrayBufferMaxByteLength = uncurryThis(next());
const arrayBufferResizable = uncurryThis(next());
const arrayBufferDetached = uncurryThis(next());
const arrayBufferTransfer = uncurryThis(next());
const dateGetTime = uncurryThis(next());
const dateToIso = uncurryThis(next());
const booleanValueOf = uncurryThis(next());
const numberValueOf = uncurryThis(next());
const stringValueOf = uncurryThis(next());
const bigIntValueOf = uncurryThis(next());
const regExpSource = uncurryThis(next());
const stringFromCharCode = next();
const isView = next();
const reflectGet = next();
const reflectHas = next();
const promiseResolve = next();
const IteratorPrototype = next();
const FinalizationRegistry = next();
const ReferenceError = next();
const SyntaxError = next();
const URIError = next();
const Int8Array = next();
const Uint8ClampedArray = next();
const Int16Array = next();
const Uint16Array = next();
const Int32Array = next();
const Uint32Array = next();
const BigInt64Array = next();
const BigUint64Array = next();
const Float32Array = next();
const Float64Array = next();
const mathFloor = next();
const mathMin = next();
const mathMax = next();
const mathTrunc = next();
const numberIsFinite = next();
const isArray = next();
const regExpFlags = {
  __proto__: null,
  d: uncurryThis(next()),
  g: uncurryThis(next()),
  i: uncurryThis(next()),
  m: uncurryThis(next()),
  s: uncurryThis(next()),
  u: uncurryThis(next()),
  v: uncurryThis(next()),
  y: uncurryThis(next()),
};
/** For lean_built_ins.js: called by nobody. */
const builtIns = {
  __proto__: null, defineProperties: next(), create: next(), bind: next(), call: next(), resolve: next(), reject: next(),
};
const { iterator: symbolIterator, asyncIterator: symbolAsyncIterator } = Symbol; // which nobody can replace
const { MAX_SAFE_INTEGER } = Number;

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

/** Runs a step in a microtask and gives what it comes to; `then` would ask the species of the Worker. */
const inMicrotask = async (step) => {
  await undefined;
  return step();
};

/** `read(value)`, or undefined when the value has not the internal slots for it. */
const readOr = (read, value) => {
  try {
    return read(value);
  } catch {
    return undefined;
  }
};
