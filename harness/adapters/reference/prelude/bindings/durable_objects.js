// Durable Object namespaces: ids, and stubs that stand for the objects.

const ID_BYTES = 32;
const CHECKED_BYTES = 24;

/** @param {Uint8Array} parts @returns {Uint8Array} */
function sha256(...parts) {
  let length = 0;
  for (let index = 0; index < parts.length; index += 1) length += typedArrayLength(parts[index]);
  const whole = new Uint8Array(length);
  for (let index = 0, at = 0; index < parts.length; index += 1) {
    typedArraySet(whole, parts[index], at);
    at += typedArrayLength(parts[index]);
  }
  return new Uint8Array(native.digest("SHA-256", typedArrayBuffer(whole)));
}

/** An id of a namespace: its last bytes follow from the others and the namespace's key. @param {Uint8Array} bytes */
function sealedId(key, bytes) {
  const first = viewOf(bytes, 0, CHECKED_BYTES);
  const id = new Uint8Array(ID_BYTES);
  typedArraySet(id, first);
  typedArraySet(id, viewOf(sha256(utf8Encode(key), first), 0, ID_BYTES - CHECKED_BYTES), CHECKED_BYTES);
  return latin1Hex(id);
}

/** The bytes of hexadecimal text; null for what is none. @param {string} text */
function hexBytes(text) {
  if (text.length !== 2 * ID_BYTES || regExpExec(/^[0-9a-f]*$/, text) === null) return null;
  const bytes = new Uint8Array(ID_BYTES);
  for (let index = 0; index < ID_BYTES; index += 1)
    bytes[index] = Number(`0x${stringSlice(text, 2 * index, 2 * index + 2)}`);
  return bytes;
}

/** `hexOf(id)`, `nameOf(id)`; they throw for what is no id. */
let hexOf, nameOf;

class DurableObjectId {
  #hex;
  #name;
  static {
    hexOf = (id) => id.#hex;
    nameOf = (id) => id.#name;
  }
  /** @param {string | undefined} name for an id made from a name */
  constructor(token, hex, name) {
    requireBindingToken(token);
    this.#hex = hex;
    this.#name = name;
  }
  toString() {
    return this.#hex;
  }
  equals(other) {
    return hexOf(other) === this.#hex;
  }
  get name() {
    return this.#name;
  }
}
webInterface(DurableObjectId);

class DurableObjectStub {
  #handle;
  #id;
  static {
    const call = (stub, name, args) => callRemote(stub.#handle, stub.#address(), name, args);
    setPrototypeOf(DurableObjectStub.prototype, remoteMethods(call));
  }
  constructor(token, handle, id) {
    requireBindingToken(token);
    this.#handle = handle;
    this.#id = id;
  }
  #address() {
    const name = nameOf(this.#id);
    return `"${hexOf(this.#id)}",${name === undefined ? "null" : quote(name)},`;
  }
  get id() {
    return this.#id;
  }
  get name() {
    return nameOf(this.#id);
  }
  fetch(input, init = undefined) {
    const address = this.#address();
    return fetchBy("fetch() of a Durable Object", input, init, this.#handle, (request) => address + request);
  }
  connect() {
    noConnect();
  }
}
webInterface(DurableObjectStub);

class DurableObjectNamespace {
  #handle;
  #key;
  constructor(token, handle, key) {
    requireBindingToken(token);
    this.#handle = handle;
    this.#key = key;
  }
  idFromName(name) {
    requireArguments(arguments.length, 1, "idFromName");
    const text = toUSVString(name);
    return new DurableObjectId(
      bindingToken,
      sealedId(this.#key, sha256(utf8Encode(`${this.#key}\0name\0${text}`))),
      text,
    );
  }
  /** @throws {TypeError} for what is no id of this namespace */
  idFromString(id) {
    requireArguments(arguments.length, 1, "idFromString");
    const text = `${id}`;
    const bytes = hexBytes(text);
    if (bytes === null) throw new TypeError("Invalid Durable Object ID: must be 64 hex digits.");
    if (sealedId(this.#key, bytes) !== text) throw new TypeError("Durable Object ID is not valid for this namespace.");
    return new DurableObjectId(bindingToken, text, undefined);
  }
  newUniqueId(options = undefined) {
    requireRequest("newUniqueId()");
    if (requireDictionary(options, "newUniqueId").jurisdiction !== undefined) noJurisdictions();
    return new DurableObjectId(bindingToken, sealedId(this.#key, randomBytes(CHECKED_BYTES)), undefined);
  }
  /** @param {DurableObjectId} id @throws {TypeError} for an id of another namespace */
  get(id) {
    requireArguments(arguments.length, 1, "get");
    if (sealedId(this.#key, hexBytes(hexOf(id))) !== hexOf(id)) {
      throw new TypeError("Durable Object ID is not valid for this namespace.");
    }
    return new DurableObjectStub(bindingToken, this.#handle, id);
  }
  getByName(name) {
    return new DurableObjectStub(bindingToken, this.#handle, idFromName(this, name));
  }
  jurisdiction() {
    noJurisdictions();
  }
}
webInterface(DurableObjectNamespace);
const idFromName = uncurryThis(DurableObjectNamespace.prototype.idFromName);

const noJurisdictions = () => {
  throw new Error("Jurisdictions of Durable Objects are not supported by this runtime.");
};
