// What fewer interfaces have: constants, pairs.

/** Constants of an interface, on the class and on its prototype. */
const webConstants = (Interface, constants) => {
  const names = objectKeys(constants);
  for (let index = 0; index < names.length; index += 1) {
    const value = constants[names[index]];
    const descriptor = { __proto__: null, value, writable: false, enumerable: true, configurable: false };
    defineProperty(Interface, names[index], descriptor);
    defineProperty(Interface.prototype, names[index], descriptor);
  }
};

/**
 * entries, keys, values, forEach and Symbol.iterator, live as Web IDL wants them.
 * @param {(target: object) => Array<[string, unknown]>} pairsOf the pairs as they are now; throws for a foreign object
 */
const pairIterable = (Interface, pairsOf) => {
  class PairIterator {
    #target;
    #kind;
    #index = 0;
    constructor(target, kind) {
      pairsOf(target);
      this.#target = target;
      this.#kind = kind;
    }
    next() {
      const pairs = pairsOf(this.#target);
      if (this.#index >= pairs.length) return { value: undefined, done: true };
      const pair = pairs[this.#index++];
      return { value: this.#kind === 2 ? [pair[0], pair[1]] : pair[this.#kind], done: false };
    }
  }
  const next = PairIterator.prototype.next;
  const prototype = { __proto__: IteratorPrototype, next };
  const tag = { __proto__: null, value: `${Interface.name} Iterator`, configurable: true };
  defineProperty(prototype, symbolToStringTag, tag);
  const iterate = (target, kind) => setPrototypeOf(new PairIterator(target, kind), prototype);
  const methods = {
    entries() { return iterate(this, 2); },
    keys() { return iterate(this, 0); },
    values() { return iterate(this, 1); },
    forEach(callback, thisArgument = undefined) {
      let pairs = pairsOf(this);
      requireArguments(arguments.length, 1, `${Interface.name}.forEach`);
      if (typeof callback !== "function") throw new TypeError("forEach: the callback is not a function.");
      for (let i = 0; i < pairs.length; i++) {
        reflectApply(callback, thisArgument, [pairs[i][1], pairs[i][0], this]);
        pairs = pairsOf(this);
      }
    },
  };
  const names = objectKeys(methods);
  for (let index = 0; index < names.length; index += 1) {
    defineProperty(Interface.prototype, names[index], visible(methods[names[index]]));
  }
  defineProperty(Interface.prototype, symbolIterator, hidden(methods.entries));
};

/**
 * The pairs of a `sequence<sequence<T>>` or a `record<T, T>`, as Headers and URLSearchParams take them.
 * @param {(value: unknown) => string} convert
 */
const toPairs = (init, convert, where) => {
  const pairs = [];
  const method = init[symbolIterator];
  if (method !== undefined && method !== null) {
    if (typeof method !== "function") throw new TypeError(`${where}: the iterator is not a function.`);
    for (const inner of { __proto__: null, [symbolIterator]: () => reflectApply(method, init, []) }) {
      if (!isObject(inner) || typeof inner[symbolIterator] !== "function") {
        throw new TypeError(`${where}: each pair must be an iterable of a name and a value.`);
      }
      const pair = [];
      for (const item of inner) append(pair, convert(item));
      if (pair.length !== 2) throw new TypeError(`${where}: each pair must be an iterable of a name and a value.`);
      append(pairs, pair);
    }
    return pairs;
  }
  const keys = ownKeys(init);
  const seen = new Map();
  for (let i = 0; i < keys.length; i++) {
    if (!propertyIsEnumerable(init, keys[i])) continue;
    const name = convert(keys[i]);
    const value = convert(init[keys[i]]);
    const earlier = mapGet(seen, name);
    if (earlier !== undefined) earlier[1] = value;
    else {
      const pair = [name, value];
      mapSet(seen, name, pair);
      append(pairs, pair);
    }
  }
  return pairs;
};
