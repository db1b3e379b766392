// KV namespaces.

const kvTypes = {
  __proto__: null,
  text: wholeAsText,
  json: wholeAsJson,
  arrayBuffer: wholeAsBuffer,
  stream: streamOfStored,
};
const LONGEST_METADATA = 1024;

/** A stored value as a stream; passed on unread, it is sent as it is. */
function streamOfStored(whole) {
  const content = new Content(current === null ? null : current.domain);
  content.bytes = whole;
  return streamOf(content);
}

/** How to convert a value. @param {unknown} options a type, or an object with one */
function kvConversion(options) {
  const type = `${(isObject(options) ? options.type : options) ?? "text"}`;
  const convert = kvTypes[type];
  if (convert === undefined)
    throw new TypeError(`Unknown response type "${type}"; expected "text", "json", "arrayBuffer" or "stream".`);
  return { __proto__: null, convert, isWhole: type === "text" || type === "json" };
}

/** @throws {TypeError} for what KV does not take as a key */
function kvKey(value) {
  const key = toUSVString(value);
  if (key === "" || key === "." || key === "..") throw new TypeError(`A KV key cannot be ${quote(key)}.`);
  return quote(key);
}

class KvNamespace {
  #handle;
  constructor(token, handle) {
    requireBindingToken(token);
    this.#handle = handle;
  }
  async get(key, options = undefined) {
    return this.#read(key, options, (value) => value);
  }
  async getWithMetadata(key, options = undefined) {
    return this.#read(key, options, (value, metadata) => ({ value, metadata, cacheStatus: null }));
  }
  #read(key, options, present) {
    const { convert, isWhole } = kvConversion(options);
    if (!isArray(key)) {
      return callHost("get() of a KV namespace", this.#handle, "get", kvKey(key), null, (text, bytes) => {
        const { found, metadata } = jsonParse(text);
        return present(found ? convert(bytes ?? new ArrayBuffer(0)) : null, metadata ?? null);
      });
    }
    if (!isWhole) throw new TypeError('get() of several keys takes the types "text" and "json".');
    let keys = "";
    for (let index = 0; index < key.length; index += 1) keys += `${index === 0 ? "" : ","}${kvKey(key[index])}`;
    return callHost("get() of a KV namespace", this.#handle, "get", `[${keys}]`, null, (text, bytes) =>
      kvEntries(jsonParse(text), new Uint8Array(bytes ?? new ArrayBuffer(0)), convert, present),
    );
  }
  async put(key, value, options = undefined) {
    const { expiration, expirationTtl, metadata } = requireDictionary(options, "put() of a KV namespace");
    const seconds = (time) => (time === undefined || time === null ? "null" : jsonStringify(Number(time)));
    const described =
      metadata === undefined || metadata === null ? "null" : decodable(jsonStringify(metadata) ?? "null");
    if (described.length > LONGEST_METADATA) {
      throw new Error(
        `KV PUT failed: 413 Metadata length of ${described.length} exceeds limit of ${LONGEST_METADATA}.`,
      );
    }
    const times = `"expiration":${seconds(expiration)},"expirationTtl":${seconds(expirationTtl)}`;
    const named = kvKey(key);
    const bytes = await consume(kvContent(value), wholeAsBuffer);
    return callHost(
      "put() of a KV namespace",
      this.#handle,
      "put",
      `${named},{${times},"metadata":${described}}`,
      bytes,
      () => undefined,
    );
  }
  async delete(key) {
    return callHost("delete() of a KV namespace", this.#handle, "delete", kvKey(key), null, () => undefined);
  }
  async list(options = undefined) {
    const { prefix, limit, cursor } = requireDictionary(options, "list() of a KV namespace");
    const text = (value) => (value === undefined || value === null ? "null" : quote(`${value}`));
    const most = limit === undefined || limit === null ? "null" : jsonStringify(Number(limit));
    const told = `{"prefix":${text(prefix)},"limit":${most},"cursor":${text(cursor)}}`;
    return callHost("list() of a KV namespace", this.#handle, "list", told, null, (answer) => {
      const page = jsonParse(answer);
      setOwn(page, "cacheStatus", null);
      return page;
    });
  }
}
webInterface(KvNamespace);

/** @throws {TypeError} for what is neither text nor bytes */
function kvContent(value) {
  if (typeof value === "string" || isStream(value)) return extractContent(value).content;
  const content = new Content();
  content.bytes = copiedBytes(value);
  if (content.bytes !== null) return content;
  throw new TypeError("KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.");
}

/** The values of several keys stand one after another. @returns {Map<string, any>} */
function kvEntries(described, bytes, convert, present) {
  const entries = new Map();
  let at = 0;
  for (let index = 0; index < described.length; index += 1) {
    const { key, length, metadata } = described[index];
    const isFound = length !== null;
    const value = isFound ? convert(copied(viewOf(bytes, at, at + length))) : null;
    if (isFound) at += length;
    mapSet(entries, key, present(value, metadata ?? null));
  }
  return entries;
}
