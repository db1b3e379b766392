// Blob, File and FormData, all in memory. https://w3c.github.io/FileAPI/ and https://xhr.spec.whatwg.org/#formdata

/** `blobBytes(blob)`: the bytes, not to be changed; `isBlob(value)`; `copyBlob(from, to)`: makes one like another. */
let blobBytes, isBlob, copyBlob;

/** `new Blob(bytes, type, blobToken)`: over bytes that nobody changes, of a type in lower case. */
const blobToken = {};

class Blob {
  #bytes;
  #type = "";

  static {
    blobBytes = (blob) => blob.#bytes;
    copyBlob = (from, to) => {
      to.#bytes = from.#bytes;
      to.#type = from.#type;
      return to;
    };
    isBlob = (value) => isObject(value) && #type in value;
  }

  constructor(parts = undefined, options = undefined, token = undefined) {
    if (token === blobToken) {
      this.#bytes = parts;
      this.#type = options;
      return;
    }
    this.#bytes = parts === undefined ? new Uint8Array(0) : Blob.#joined(parts);
    const { type } = requireDictionary(options, "Blob");
    if (type !== undefined) this.#type = Blob.#toType(type);
  }
  static #toType(value) {
    const type = `${value}`;
    for (let i = 0; i < type.length; i++) {
      const code = stringCharCodeAt(type, i);
      if (code < 0x20 || code > 0x7e) return "";
    }
    return stringToLowerCase(type);
  }
  static #joined(parts) {
    if (!isObject(parts) || typeof parts[symbolIterator] !== "function") {
      throw new TypeError("Blob: the parts are not a sequence.");
    }
    const pieces = [];
    let length = 0;
    for (const part of parts) {
      const isBytes = isView(part) || isArrayBuffer(part);
      const piece = isBlob(part) ? part.#bytes : isBytes ? new Uint8Array(bytesOf(part)) : utf8Encode(`${part}`);
      append(pieces, piece);
      length += typedArrayLength(piece);
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (let i = 0; i < pieces.length; i++) {
      typedArraySet(bytes, pieces[i], at);
      at += typedArrayLength(pieces[i]);
    }
    return bytes;
  }
  get size() {
    return typedArrayLength(this.#bytes);
  }
  get type() {
    return this.#type;
  }
  slice(start = undefined, end = undefined, contentType = undefined) {
    const length = typedArrayLength(this.#bytes);
    const clamp = (value, otherwise) => {
      if (value === undefined) return otherwise;
      const at = mathTrunc(+value) || 0;
      return at < 0 ? mathMax(length + at, 0) : mathMin(at, length);
    };
    const from = clamp(start, 0);
    const to = mathMax(clamp(end, length), from);
    const type = contentType === undefined ? "" : Blob.#toType(contentType);
    return new Blob(viewOf(this.#bytes, from, to), type, blobToken);
  }
  arrayBuffer() {
    return this.#promised(() => typedArrayBuffer(new Uint8Array(this.#bytes)));
  }
  bytes() {
    return this.#promised(() => new Uint8Array(this.#bytes));
  }
  text() {
    return this.#promised(() => utf8Decode(this.#bytes));
  }
  #promised(read) {
    return new Promise((resolve) => resolve(read()));
  }
  stream() {
    const bytes = new Uint8Array(this.#bytes);
    return new streams.ReadableStream({
      type: "bytes",
      start(controller) {
        if (typedArrayLength(bytes) > 0) controller.enqueue(bytes);
        controller.close();
      },
    });
  }
}
webInterface(Blob);

/** `isFile(value)`; `namedFile(blob, name)`: a file of the same bytes and type. */
let isFile, namedFile;

class File extends Blob {
  #name;
  #lastModified;

  static {
    isFile = (value) => isObject(value) && #name in value;
    namedFile = (blob, name) => {
      const file = new File(undefined, name);
      if (isFile(blob)) file.#lastModified = blob.#lastModified;
      return copyBlob(blob, file);
    };
  }

  constructor(parts, name, options = undefined) {
    requireArguments(arguments.length, 2, "File");
    super(parts, options);
    this.#name = toUSVString(name);
    const { lastModified } = requireDictionary(options, "File");
    this.#lastModified = lastModified === undefined ? clock.nowMs : mathTrunc(+lastModified) || 0;
  }
  get name() {
    return this.#name;
  }
  get lastModified() {
    return this.#lastModified;
  }
}
webInterface(File);

/** `formEntries(form)`: the pairs in their order, not to be changed; `isFormData(value)`. */
let formEntries, isFormData;

class FormData {
  /** @type {Array<[string, string | File]>} */
  #entries = [];

  static {
    formEntries = (form) => form.#entries;
    isFormData = (value) => isObject(value) && #entries in value;
    pairIterable(FormData, formEntries);
  }

  constructor(form = undefined) {
    if (form !== undefined) throw new TypeError("FormData: there are no HTML forms here.");
  }
  static #entry(given, name, value, filename) {
    if (!isBlob(value)) {
      if (given > 2) throw new TypeError("FormData: a value with a file name must be a Blob.");
      return [toUSVString(name), toUSVString(value)];
    }
    if (isFile(value) && given < 3) return [toUSVString(name), value];
    return [toUSVString(name), namedFile(value, given < 3 ? "blob" : filename)];
  }
  append(name, value, filename = undefined) {
    this.#entries;
    requireArguments(arguments.length, 2, "FormData.append");
    append(this.#entries, FormData.#entry(arguments.length, name, value, filename));
  }
  delete(name) {
    this.#entries;
    requireArguments(arguments.length, 1, "FormData.delete");
    name = toUSVString(name);
    const kept = [];
    for (let i = 0; i < this.#entries.length; i++) if (this.#entries[i][0] !== name) append(kept, this.#entries[i]);
    this.#entries = kept;
  }
  #first(name) {
    name = toUSVString(name);
    for (let i = 0; i < this.#entries.length; i++) if (this.#entries[i][0] === name) return this.#entries[i][1];
    return null;
  }
  get(name) {
    this.#entries;
    requireArguments(arguments.length, 1, "FormData.get");
    return this.#first(name);
  }
  getAll(name) {
    this.#entries;
    requireArguments(arguments.length, 1, "FormData.getAll");
    name = toUSVString(name);
    const values = [];
    for (let i = 0; i < this.#entries.length; i++) {
      if (this.#entries[i][0] === name) append(values, this.#entries[i][1]);
    }
    return values;
  }
  has(name) {
    this.#entries;
    requireArguments(arguments.length, 1, "FormData.has");
    return this.#first(name) !== null;
  }
  set(name, value, filename = undefined) {
    this.#entries;
    requireArguments(arguments.length, 2, "FormData.set");
    const entry = FormData.#entry(arguments.length, name, value, filename);
    const entries = [];
    let found = false;
    for (let i = 0; i < this.#entries.length; i++) {
      const old = this.#entries[i];
      if (old[0] !== entry[0]) append(entries, old);
      else if (!found) append(entries, entry);
      found ||= old[0] === entry[0];
    }
    if (!found) append(entries, entry);
    this.#entries = entries;
  }
}
webInterface(FormData);
