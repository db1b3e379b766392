// URLSearchParams. https://url.spec.whatwg.org/#interface-urlsearchparams

/** Percent-decoded, with + for a space, as application/x-www-form-urlencoded has it. */
const formDecode = (text) => {
  if (stringIndexOf(text, "%", 0) < 0 && stringIndexOf(text, "+", 0) < 0) return text;
  const bytes = utf8Encode(text);
  const length = typedArrayLength(bytes);
  const hex = (code) => {
    if (code >= 0x30 && code <= 0x39) return code - 0x30;
    const letter = code | 0x20;
    return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
  };
  let written = 0;
  for (let at = 0; at < length; at++) {
    let byte = bytes[at];
    if (byte === 0x2b) byte = 0x20;
    else if (byte === 0x25 && at + 2 < length && hex(bytes[at + 1]) >= 0 && hex(bytes[at + 2]) >= 0) {
      byte = (hex(bytes[at + 1]) << 4) | hex(bytes[at + 2]);
      at += 2;
    }
    bytes[written++] = byte;
  }
  return new Utf8Decoder(false, true).decode(viewOf(bytes, 0, written), true);
};

const formEncode = (text) => {
  if (isPlain(text, 0, text.length, IN_FORM)) return text;
  const bytes = utf8Encode(text);
  const length = typedArrayLength(bytes);
  const digits = "0123456789ABCDEF";
  let encoded = "";
  for (let at = 0; at < length; at++) {
    const byte = bytes[at];
    if (byte === 0x20) encoded += "+";
    else if (byte < 128 && plainIn[byte] & IN_FORM) encoded += stringFromCharCode(byte);
    else encoded += "%" + digits[byte >> 4] + digits[byte & 15];
  }
  return encoded;
};

/** The pairs of a query string without its "?". */
const parseForm = (text) => {
  const pairs = [];
  for (let from = 0; from < text.length; ) {
    let to = stringIndexOf(text, "&", from);
    if (to < 0) to = text.length;
    if (to > from) {
      const part = stringSlice(text, from, to);
      const equals = stringIndexOf(part, "=", 0);
      const name = equals < 0 ? part : stringSlice(part, 0, equals);
      append(pairs, [formDecode(name), equals < 0 ? "" : formDecode(stringSlice(part, equals + 1))]);
    }
    from = to + 1;
  }
  return pairs;
};

const serializeForm = (pairs) => {
  let text = "";
  for (let i = 0; i < pairs.length; i++) {
    text += (i === 0 ? "" : "&") + formEncode(pairs[i][0]) + "=" + formEncode(pairs[i][1]);
  }
  return text;
};

/** `followUrl(params, changed)`: the parameters of a URL; `setQuery(params, query)`: the URL's query has changed. */
let followUrl, setQuery, searchPairs;

class URLSearchParams {
  /** @type {Array<[string, string]>} */
  #pairs;
  /** @type {((serialized: string) => void) | null} */
  #changed = null;

  static {
    followUrl = (params, changed) => {
      params.#changed = changed;
    };
    setQuery = (params, query) => {
      params.#pairs = parseForm(query);
    };
    searchPairs = (params) => params.#pairs;
  }

  constructor(init = "") {
    if (isObject(init)) this.#pairs = toPairs(init, toUSVString, "URLSearchParams");
    else {
      const text = toUSVString(init);
      this.#pairs = parseForm(text[0] === "?" ? stringSlice(text, 1) : text);
    }
  }
  #update() {
    if (this.#changed !== null) this.#changed(serializeForm(this.#pairs));
  }
  /** Keeps the pairs of another name, or of another value when there is one to compare with. */
  #keepOthers(name, value) {
    const kept = [];
    for (let i = 0; i < this.#pairs.length; i++) {
      const pair = this.#pairs[i];
      if (pair[0] !== name || (value !== undefined && pair[1] !== value)) append(kept, pair);
    }
    this.#pairs = kept;
  }
  get size() {
    return this.#pairs.length;
  }
  append(name, value) {
    this.#pairs;
    requireArguments(arguments.length, 2, "URLSearchParams.append");
    append(this.#pairs, [toUSVString(name), toUSVString(value)]);
    this.#update();
  }
  delete(name, value = undefined) {
    this.#pairs;
    requireArguments(arguments.length, 1, "URLSearchParams.delete");
    this.#keepOthers(toUSVString(name), value === undefined ? undefined : toUSVString(value));
    this.#update();
  }
  get(name) {
    this.#pairs;
    requireArguments(arguments.length, 1, "URLSearchParams.get");
    name = toUSVString(name);
    for (let i = 0; i < this.#pairs.length; i++) if (this.#pairs[i][0] === name) return this.#pairs[i][1];
    return null;
  }
  getAll(name) {
    this.#pairs;
    requireArguments(arguments.length, 1, "URLSearchParams.getAll");
    name = toUSVString(name);
    const values = [];
    for (let i = 0; i < this.#pairs.length; i++) if (this.#pairs[i][0] === name) append(values, this.#pairs[i][1]);
    return values;
  }
  has(name, value = undefined) {
    this.#pairs;
    requireArguments(arguments.length, 1, "URLSearchParams.has");
    name = toUSVString(name);
    if (value !== undefined) value = toUSVString(value);
    for (let i = 0; i < this.#pairs.length; i++) {
      if (this.#pairs[i][0] === name && (value === undefined || this.#pairs[i][1] === value)) return true;
    }
    return false;
  }
  set(name, value) {
    this.#pairs;
    requireArguments(arguments.length, 2, "URLSearchParams.set");
    name = toUSVString(name);
    value = toUSVString(value);
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
    this.#update();
  }
  sort() {
    arraySort(this.#pairs, (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#update();
  }
  toString() {
    return serializeForm(this.#pairs);
  }
}
pairIterable(URLSearchParams, searchPairs);
webInterface(URLSearchParams);
