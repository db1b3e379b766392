// Headers. https://fetch.spec.whatwg.org/#headers-class

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const isTokenCharacter = new Uint8Array(128);
for (let at = 0; at < TOKEN_CHARACTERS.length; at += 1) isTokenCharacter[stringCharCodeAt(TOKEN_CHARACTERS, at)] = 1;

/** A header name in lower case. @throws {TypeError} when it is none */
const toHeaderName = (value) => {
  const name = `${value}`;
  for (let i = 0; i < name.length; i++) {
    const code = stringCharCodeAt(name, i);
    if (code > 127 || isTokenCharacter[code] === 0) throw new TypeError("Invalid header name.");
  }
  if (name === "") throw new TypeError("Invalid header name.");
  return stringToLowerCase(name);
};

const isHttpSpace = (code) => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;

/** A header value without the space around it. @throws {TypeError} for what no header can carry */
const toHeaderValue = (value) => {
  const text = `${value}`;
  let from = 0;
  let to = text.length;
  while (from < to && isHttpSpace(stringCharCodeAt(text, from))) from++;
  while (to > from && isHttpSpace(stringCharCodeAt(text, to - 1))) to--;
  for (let i = 0; i < text.length; i++) {
    const code = stringCharCodeAt(text, i);
    const isForbidden = i >= from && i < to && (code === 0 || code === 0x0a || code === 0x0d);
    if (code > 0xff || isForbidden) throw new TypeError("Invalid header value.");
  }
  return stringSlice(text, from, to);
};

/**
 * `headersFrom(pairs, immutable)`: Headers over pairs known to be right, names in lower case; the list becomes theirs.
 * `headerPairs(headers)`: the pairs as they go over the wire, in the order they were added; not to be changed.
 * `freezeHeaders(headers)`: from now on they cannot be changed. `isHeaders(value)`.
 */
let headersFrom, headerPairs, freezeHeaders, isHeaders;

class Headers {
  /** @type {Array<[string, string]>} lower-case name and value */
  #pairs = [];
  #immutable = false;
  /** @type {Array<[string, string]> | null} sorted and combined, until something changes */
  #sorted = null;

  static {
    headersFrom = (pairs, immutable) => {
      const headers = new Headers();
      headers.#pairs = pairs;
      headers.#immutable = immutable;
      return headers;
    };
    headerPairs = (headers) => headers.#pairs;
    freezeHeaders = (headers) => {
      headers.#immutable = true;
      return headers;
    };
    isHeaders = (value) => isObject(value) && #pairs in value;
    pairIterable(Headers, (headers) => (headers.#sorted ??= headers.#sort()));
  }

  constructor(init = undefined) {
    if (init === undefined) return;
    if (!isObject(init)) throw new TypeError("Headers: the initial headers are neither Headers, pairs nor an object.");
    if (isHeaders(init)) {
      for (let i = 0; i < init.#pairs.length; i++) append(this.#pairs, init.#pairs[i]);
      return;
    }
    const pairs = toPairs(init, (value) => `${value}`, "Headers");
    for (let i = 0; i < pairs.length; i++) append(this.#pairs, [toHeaderName(pairs[i][0]), toHeaderValue(pairs[i][1])]);
  }
  #change() {
    if (this.#immutable) throw new TypeError("Can't modify immutable headers.");
    this.#sorted = null;
  }
  #combined(name) {
    let value = null;
    for (let i = 0; i < this.#pairs.length; i++) {
      const pair = this.#pairs[i];
      if (pair[0] === name) value = value === null ? pair[1] : value + ", " + pair[1];
    }
    return value;
  }
  #without(name) {
    const kept = [];
    for (let i = 0; i < this.#pairs.length; i++) if (this.#pairs[i][0] !== name) append(kept, this.#pairs[i]);
    return kept;
  }
  /** Ordered by name; each name once, but every Set-Cookie for itself. */
  #sort() {
    const names = new Set();
    const sorted = [];
    for (let i = 0; i < this.#pairs.length; i++) {
      const pair = this.#pairs[i];
      if (pair[0] === "set-cookie") append(sorted, pair);
      else if (!setHas(names, pair[0])) {
        setAdd(names, pair[0]);
        append(sorted, [pair[0], this.#combined(pair[0])]);
      }
    }
    return arraySort(sorted, (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  }
  append(name, value) {
    this.#pairs;
    requireArguments(arguments.length, 2, "Headers.append");
    const pair = [toHeaderName(name), toHeaderValue(value)];
    this.#change();
    append(this.#pairs, pair);
  }
  delete(name) {
    this.#pairs;
    requireArguments(arguments.length, 1, "Headers.delete");
    name = toHeaderName(name);
    this.#change();
    this.#pairs = this.#without(name);
  }
  get(name) {
    this.#pairs;
    requireArguments(arguments.length, 1, "Headers.get");
    return this.#combined(toHeaderName(name));
  }
  has(name) {
    this.#pairs;
    requireArguments(arguments.length, 1, "Headers.has");
    return this.#combined(toHeaderName(name)) !== null;
  }
  set(name, value) {
    this.#pairs;
    requireArguments(arguments.length, 2, "Headers.set");
    name = toHeaderName(name);
    value = toHeaderValue(value);
    this.#change();
    const pairs = [];
    let found = false;
    for (let i = 0; i < this.#pairs.length; i++) {
      const pair = this.#pairs[i];
      if (pair[0] !== name) append(pairs, pair);
      else if (!found) append(pairs, [name, value]);
      found ||= pair[0] === name;
    }
    if (!found) append(pairs, [name, value]);
    this.#pairs = pairs;
  }
  #cookies() {
    const values = [];
    for (let i = 0; i < this.#pairs.length; i++) {
      if (this.#pairs[i][0] === "set-cookie") append(values, this.#pairs[i][1]);
    }
    return values;
  }
  getSetCookie() {
    return this.#cookies();
  }
  /** Workers' own, older than getSetCookie. */
  getAll(name) {
    this.#pairs;
    requireArguments(arguments.length, 1, "Headers.getAll");
    if (toHeaderName(name) !== "set-cookie") {
      throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
    }
    return this.#cookies();
  }
}
webInterface(Headers);

const appendHeader = uncurryThis(Headers.prototype.append);
