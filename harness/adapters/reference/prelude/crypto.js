// crypto: random values and digests, both made by the host. https://w3c.github.io/webcrypto/

const cryptoToken = {};

/** Bytes fetched ahead: asking the host costs more than a kilobyte of them. */
const RANDOM_AHEAD = 1024;
let randomPool = null;
let randomUsed = 0;

/** @returns {Uint8Array} of its own, filled with random bytes */
function randomBytes(length) {
  if (length > RANDOM_AHEAD / 4) return new Uint8Array(native.random(length));
  if (randomPool === null || randomUsed + length > RANDOM_AHEAD) {
    randomPool = new Uint8Array(native.random(RANDOM_AHEAD));
    randomUsed = 0;
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = randomPool[randomUsed];
    randomPool[randomUsed++] = 0;
  }
  return bytes;
}

const isIntegerKind = (kind) => kind !== undefined && !stringStartsWith(kind, "Float");
const HEX = "0123456789abcdef";
const digestNames = {
  __proto__: null, "sha-1": "SHA-1", "sha-256": "SHA-256", "sha-384": "SHA-384", "sha-512": "SHA-512", md5: "MD5",
};

class SubtleCrypto {
  #made = true;
  constructor(token = undefined) {
    if (token !== cryptoToken) throw new TypeError("Illegal constructor");
  }
  digest(algorithm, data) {
    try {
      this.#made;
      requireArguments(arguments.length, 2, "SubtleCrypto.digest");
      const named = isObject(algorithm) ? algorithm.name : algorithm;
      const name = digestNames[stringToLowerCase(`${named}`)];
      const bytes = new Uint8Array(bytesOf(data, "SubtleCrypto.digest"));
      if (name === undefined) {
        throw new DOMException("Unrecognized or unimplemented digest algorithm requested.", "NotSupportedError");
      }
      return promiseResolve(native.digest(name, typedArrayBuffer(bytes)));
    } catch (error) {
      return promiseReject(error);
    }
  }
  /** Workers' own: compares without telling by its time where two inputs differ. */
  timingSafeEqual(a, b) {
    this.#made;
    requireArguments(arguments.length, 2, "SubtleCrypto.timingSafeEqual");
    const left = bytesOf(a, "SubtleCrypto.timingSafeEqual");
    const right = bytesOf(b, "SubtleCrypto.timingSafeEqual");
    const length = typedArrayLength(left);
    if (length !== typedArrayLength(right)) throw new TypeError("Input buffers must have the same byte length.");
    let different = 0;
    for (let i = 0; i < length; i++) different |= left[i] ^ right[i];
    return different === 0;
  }
}
webInterface(SubtleCrypto);

class Crypto {
  #subtle;
  constructor(token = undefined) {
    if (token !== cryptoToken) throw new TypeError("Illegal constructor");
    this.#subtle = new SubtleCrypto(token);
  }
  get subtle() {
    return this.#subtle;
  }
  getRandomValues(array) {
    this.#subtle;
    requireArguments(arguments.length, 1, "Crypto.getRandomValues");
    if (!isIntegerKind(isView(array) ? typedArrayKind(array) : undefined)) {
      throw new DOMException("getRandomValues(): not an integer-typed view.", "TypeMismatchError");
    }
    const length = typedArrayByteLength(array);
    if (length > 65536) {
      throw new DOMException(`getRandomValues() fills 65536 bytes at most, not ${length}.`, "QuotaExceededError");
    }
    requireRequest("crypto.getRandomValues()");
    if (length > 0) typedArraySet(bytesOf(array), randomBytes(length));
    return array;
  }
  randomUUID() {
    this.#subtle;
    requireRequest("crypto.randomUUID()");
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = "";
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
      text += HEX[bytes[i] >> 4] + HEX[bytes[i] & 15];
    }
    return text;
  }
}
webInterface(Crypto);
const crypto = new Crypto(cryptoToken);
