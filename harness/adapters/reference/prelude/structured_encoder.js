// From a value to the tree that structured.js describes.

const dataCloneError = (value) => {
  let what;
  if (typeof value === "symbol") what = symbolToString(value);
  else if (typeof value === "function") what = "A function";
  else what = "#<" + stringSlice(objectToString(value), 8, -1) + ">";
  return new DOMException(`${what} could not be cloned.`, "DataCloneError");
};

/** What no copy can be made of, by the tag V8 gives it. */
const unclonable = {
  __proto__: null, Promise: true, WeakMap: true, WeakSet: true, WeakRef: true, FinalizationRegistry: true, Symbol: true,
  Generator: true, AsyncGenerator: true, "Array Iterator": true, "Map Iterator": true, "Set Iterator": true,
  "String Iterator": true, "RegExp String Iterator": true, "Iterator Helper": true, "Async-from-Sync Iterator": true,
  DisposableStack: true, AsyncDisposableStack: true, SharedArrayBuffer: true,
};

/** One run of the encoding: numbers the objects, keeps the buffers apart when it was given a list for them. */
class StructuredEncoder {
  #memory = new Map();
  #buffers;
  #transfer;
  #cloning;
  #plainInstances;
  constructor(buffers, transfer, plainInstances) {
    this.#buffers = buffers;
    this.#transfer = transfer;
    this.#cloning = buffers !== null;
    this.#plainInstances = plainInstances;
  }

  encode(value) {
    switch (typeof value) {
      case "string":
        return stringIsWellFormed(value) ? value : ["u", jsonStringify(value)];
      case "number":
        if (value !== value) return ["n", "NaN"];
        if (value === 0) return 1 / value < 0 ? ["n", "-0"] : 0;
        return numberIsFinite(value) ? value : ["n", value > 0 ? "Infinity" : "-Infinity"];
      case "boolean":
        return value;
      case "undefined":
        return ["v"];
      case "bigint":
        return ["i", `${value}`];
      case "symbol":
        throw dataCloneError(value);
    }
    if (value === null) return null;
    const earlier = mapGet(this.#memory, value);
    if (earlier !== undefined) return ["r", earlier];
    for (let i = 0; i < structuredExtensions.length; i++) {
      const extension = structuredExtensions[i];
      if ((this.#cloning && !extension.clone) || !extension.test(value)) continue;
      this.#remember(value);
      return ["h", extension.name, extension.encode(value, (inner) => this.encode(inner))];
    }
    if (typeof value === "function") throw dataCloneError(value);
    return this.#object(value);
  }

  #remember(value) {
    mapSet(this.#memory, value, mapSize(this.#memory));
  }

  #object(value) {
    this.#remember(value);
    if (isArray(value)) return this.#array(value);
    if (isView(value)) return this.#view(value);
    const prototype = getPrototypeOf(value);
    const tag = stringSlice(objectToString(value), 8, -1);
    if (tag === "Object" && (prototype === ObjectPrototype || prototype === null)) return this.#properties(value);
    return this.#slots(value, tag) ?? this.#instance(value, prototype, tag);
  }

  /** An object with internal slots. Its tag tells where to look, unless the Worker changed it: then everywhere. */
  #slots(value, tag) {
    if (late.isError(value)) return this.#error(value);
    if (unclonable[tag] === true) return undefined;
    return this.#slotsOf(tag, value) ?? (symbolToStringTag in value ? this.#anySlots(value) : undefined);
  }
  #slotsOf(tag, value) {
    switch (tag) {
      case "Date": return this.#date(value);
      case "RegExp": return this.#regExp(value);
      case "Map": return this.#map(value);
      case "Set": return this.#set(value);
      case "ArrayBuffer": return this.#buffer(value);
      case "Boolean": return this.#primitive(booleanValueOf, value);
      case "Number": return this.#primitive(numberValueOf, value);
      case "String": return this.#primitive(stringValueOf, value);
      case "BigInt": return this.#primitive(bigIntValueOf, value);
    }
    return undefined;
  }
  #anySlots(value) {
    return this.#date(value) ?? this.#regExp(value) ?? this.#map(value) ?? this.#set(value) ?? this.#buffer(value);
  }

  #date(value) {
    const time = readOr(dateGetTime, value);
    return time === undefined ? undefined : ["d", time === time ? time : null];
  }
  #regExp(value) {
    if (readOr(regExpFlags.g, value) === undefined) return undefined; // RegExp.prototype has no slots either
    let flags = "";
    for (const flag in regExpFlags) if (hasOwn(regExpFlags, flag) && regExpFlags[flag](value)) flags += flag;
    return ["x", this.encode(regExpSource(value)), flags];
  }
  #primitive(read, value) {
    const primitive = readOr(read, value);
    return primitive === undefined ? undefined : ["p", this.encode(primitive)];
  }
  #map(value) {
    if (readOr(mapSize, value) === undefined) return undefined;
    const entries = [];
    mapForEach(value, (item, key) => {
      append(entries, key);
      append(entries, item);
    });
    return ["m", this.#each(entries)];
  }
  #set(value) {
    if (readOr(setSize, value) === undefined) return undefined;
    const items = [];
    setForEach(value, (item) => append(items, item));
    return ["s", this.#each(items)];
  }
  /** Replaces every item of a list of the encoder's own. */
  #each(items) {
    for (let i = 0; i < items.length; i++) items[i] = this.encode(items[i]);
    return items;
  }

  #error(value) {
    if (isDOMException(value)) {
      const stack = typeof value.stack === "string" ? value.stack : undefined;
      return ["D", this.encode(readMessage(value)), this.encode(readName(value)), this.encode(stack)];
    }
    let name = value.name;
    name = name === undefined ? "Error" : `${name}`;
    const text = (key) => {
      const own = getOwnPropertyDescriptor(value, key);
      return own === undefined || !hasOwn(own, "value") ? undefined : own.value;
    };
    const message = text("message");
    const { stack } = value;
    const tree = [
      "e", name in errorKinds ? name : "Error",
      this.encode(message === undefined ? undefined : `${message}`),
      this.encode(typeof stack === "string" ? stack : undefined),
    ];
    const cause = getOwnPropertyDescriptor(value, "cause");
    if (cause !== undefined && hasOwn(cause, "value")) append(tree, this.encode(cause.value));
    return tree;
  }

  #view(value) {
    const kind = typedArrayKind(value) ?? "DataView";
    if (kind === "DataView") {
      return ["w", kind, this.encode(dataViewBuffer(value)), dataViewByteOffset(value), dataViewByteLength(value)];
    }
    return ["w", kind, this.encode(typedArrayBuffer(value)), typedArrayByteOffset(value), typedArrayLength(value)];
  }

  #buffer(value) {
    if (!isArrayBuffer(value)) return undefined;
    if (arrayBufferDetached(value)) throw new DOMException("An ArrayBuffer is detached.", "DataCloneError");
    const bytes = new Uint8Array(value);
    const max = arrayBufferResizable(value) ? arrayBufferMaxByteLength(value) : null;
    if (this.#buffers === null) return ["b", base64Encode(bytes), max];
    const isMoved = this.#transfer !== null && setHas(this.#transfer, value);
    append(this.#buffers, isMoved ? value : typedArrayBuffer(new Uint8Array(bytes)));
    return ["b", this.#buffers.length - 1, isMoved ? null : max];
  }

  #array(value) {
    const { length } = value;
    const keys = objectKeys(value);
    let isDense = keys.length === length;
    if (isDense && length > 0) isDense = keys[length - 1] === `${length - 1}`;
    if (!isDense) return ["A", length, this.#pairs(value, keys)];
    const items = [];
    for (let i = 0; i < length; i++) append(items, this.encode(value[i]));
    return [items];
  }

  #instance(value, prototype, tag) {
    if (unclonable[tag] === true) throw dataCloneError(value);
    if (!this.#plainInstances && prototype !== ObjectPrototype && prototype !== null) throw dataCloneError(value);
    for (let up = prototype; up !== null && up !== ObjectPrototype; up = getPrototypeOf(up)) {
      if (setHas(platformPrototypes, up)) throw dataCloneError(value);
    }
    if (stringStartsWith(tag, "Intl.") || stringStartsWith(tag, "WebAssembly.")) throw dataCloneError(value);
    return this.#properties(value);
  }

  #properties(value) {
    const keys = objectKeys(value);
    const tree = {};
    for (let i = 0; i < keys.length; i++) {
      if (!stringIsWellFormed(keys[i])) return this.#pairsAfter(tree, value, keys, i);
      // A getter that ran before may have taken the property away.
      if (hasOwn(value, keys[i])) setOwn(tree, keys[i], this.encode(value[keys[i]]));
    }
    return tree;
  }

  /** The same with keys that JSON objects cannot have: what `tree` has of it already, then the keys from `from` on. */
  #pairsAfter(tree, value, keys, from) {
    const pairs = [];
    for (let i = 0; i < from; i++) {
      if (!hasOwn(tree, keys[i])) continue;
      append(pairs, keys[i]);
      append(pairs, tree[keys[i]]);
    }
    return ["O", this.#pairs(value, keys, from, pairs)];
  }

  #pairs(value, keys, from = 0, pairs = []) {
    for (let i = from; i < keys.length; i++) {
      if (!hasOwn(value, keys[i])) continue;
      append(pairs, this.encode(keys[i]));
      append(pairs, this.encode(value[keys[i]]));
    }
    return pairs;
  }
}

const readMessage = uncurryGetter(DOMException.prototype, "message");
const readName = uncurryGetter(DOMException.prototype, "name");
