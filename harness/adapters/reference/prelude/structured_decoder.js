// From the tree that structured.js describes to the value.

/** One run of the decoding. It uses up the tree: plain objects and arrays of it become the value's own. */
class StructuredDecoder {
  #objects = [];
  #buffers;
  constructor(buffers) {
    this.#buffers = buffers;
  }

  decode(tree) {
    if (typeof tree !== "object" || tree === null) return tree;
    if (!isArray(tree)) return this.#properties(tree);
    const kind = tree[0];
    if (isArray(kind)) return this.#items(this.#keep(kind));
    switch (kind) {
      case "v": return undefined;
      case "u": return jsonParse(tree[1]);
      case "n": return tree[1] === "-0" ? -0 : +tree[1];
      case "i": return BigInt(tree[1]);
      case "r": return this.#objects[tree[1]];
      case "d": return this.#keep(new RealDate(tree[1] ?? NaN));
      case "p": return this.#later(() => Object(this.decode(tree[1])));
      case "x": return this.#later(() => new RegExp(this.decode(tree[1]), tree[2]));
      case "O": return this.#assign(this.#keep({}), tree[1]);
      case "A": {
        const array = this.#keep([]);
        array.length = tree[1];
        return this.#assign(array, tree[2]);
      }
      case "m": {
        const map = this.#keep(new Map());
        const entries = tree[1];
        for (let i = 0; i < entries.length; i += 2) {
          const key = this.decode(entries[i]);
          mapSet(map, key, this.decode(entries[i + 1]));
        }
        return map;
      }
      case "s": {
        const set = this.#keep(new Set());
        for (let i = 0; i < tree[1].length; i++) setAdd(set, this.decode(tree[1][i]));
        return set;
      }
      case "e": return this.#error(tree);
      case "D": {
        const error = this.#keep(new DOMException(this.decode(tree[1]), this.decode(tree[2])));
        this.#stack(error, this.decode(tree[3]));
        return error;
      }
      case "b": return this.#keep(this.#buffer(tree[1], tree[2]));
      case "w":
        return this.#later(() => new viewKinds[tree[1]](this.decode(tree[2]), tree[3], tree[4]));
      case "h": return this.#later(() => this.#extension(tree[1], tree[2]));
    }
    throw new DOMException("The data was not written by this encoding.", "DataCloneError");
  }

  /** Numbers an object that may be met again inside itself. */
  #keep(object) {
    append(this.#objects, object);
    return object;
  }
  /** Numbers an object that is made of others first. */
  #later(make) {
    const index = this.#objects.length;
    append(this.#objects, undefined);
    const object = make();
    this.#objects[index] = object;
    return object;
  }
  #items(items) {
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (typeof item === "object" && item !== null) items[i] = this.decode(item);
    }
    return items;
  }
  #properties(tree) {
    append(this.#objects, tree);
    const keys = objectKeys(tree);
    for (let i = 0; i < keys.length; i++) {
      const item = tree[keys[i]];
      if (typeof item === "object" && item !== null) tree[keys[i]] = this.decode(item);
    }
    return tree;
  }
  #assign(object, pairs) {
    for (let i = 0; i < pairs.length; i += 2) setOwn(object, this.decode(pairs[i]), this.decode(pairs[i + 1]));
    return object;
  }
  #buffer(bytes, max) {
    const stored = this.#buffers === null ? typedArrayBuffer(base64Decode(bytes)) : this.#buffers[bytes];
    if (max === null) return stored;
    const resizable = new ArrayBuffer(arrayBufferByteLength(stored), { __proto__: null, maxByteLength: max });
    typedArraySet(new Uint8Array(resizable), new Uint8Array(stored));
    return resizable;
  }
  #error(tree) {
    const Kind = errorKinds[tree[1]] ?? Error;
    const message = this.decode(tree[2]);
    const error = this.#keep(message === undefined ? new Kind() : new Kind(message));
    this.#stack(error, this.decode(tree[3]));
    if (tree.length > 4) {
      defineProperty(error, "cause", hidden(this.decode(tree[4])));
    }
    return error;
  }
  #stack(error, stack) {
    defineProperty(error, "stack", hidden(stack));
  }
  #extension(name, data) {
    for (let i = 0; i < structuredExtensions.length; i++) {
      if (structuredExtensions[i].name === name) {
        return structuredExtensions[i].decode(data, (inner) => this.decode(inner));
      }
    }
    throw new DOMException(`There is no ${name} here.`, "DataCloneError");
  }
}
