// Text and bytes: UTF-8 both ways, the other decoders, base64.

/** Characters that one String.fromCharCode call is given. */
const TEXT_CHUNK = 1024;

/** A view of the same memory; `subarray` would ask the species of the Worker. */
const viewOf = (bytes, start, end) =>
  new Uint8Array(typedArrayBuffer(bytes), typedArrayByteOffset(bytes) + start, end - start);

const isArrayBuffer = (value) => {
  if (!isObject(value)) return false;
  try {
    arrayBufferByteLength(value);
    return true;
  } catch {
    return false;
  }
};

/**
 * A BufferSource as bytes, without copying.
 * @throws {TypeError} for anything else
 */
const bytesOf = (source, where) => {
  if (isView(source)) {
    return typedArrayKind(source) === undefined
      ? new Uint8Array(dataViewBuffer(source), dataViewByteOffset(source), dataViewByteLength(source))
      : new Uint8Array(typedArrayBuffer(source), typedArrayByteOffset(source), typedArrayByteLength(source));
  }
  if (!isArrayBuffer(source)) throw new TypeError(`${where}: not an ArrayBuffer or a view of one.`);
  return arrayBufferDetached(source) ? new Uint8Array(0) : new Uint8Array(source);
};

/** One character for each byte, of the same number. */
const latin1Text = (bytes, start, end) => {
  let text = "";
  for (let at = start; at < end; at += TEXT_CHUNK) {
    text += reflectApply(stringFromCharCode, null, viewOf(bytes, at, mathMin(at + TEXT_CHUNK, end)));
  }
  return text;
};

/** Writes the code point at `text[i]` as UTF-8; a lone surrogate as U+FFFD. @returns {number} where to go on */
const putCodePoint = (text, i, length, bytes, at) => {
  let point = stringCharCodeAt(text, i);
  if (point < 0x80) {
    bytes[at] = point;
    return at + 1;
  }
  if (point < 0x800) {
    bytes[at] = 0xc0 | (point >> 6);
    bytes[at + 1] = 0x80 | (point & 0x3f);
    return at + 2;
  }
  if (point >= 0xd800 && point <= 0xdfff) {
    const low = point < 0xdc00 && i + 1 < length ? stringCharCodeAt(text, i + 1) : 0;
    if (low >= 0xdc00 && low <= 0xdfff) {
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      bytes[at] = 0xf0 | (point >> 18);
      bytes[at + 1] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at + 2] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at + 3] = 0x80 | (point & 0x3f);
      return at + 4;
    }
    point = 0xfffd;
  }
  bytes[at] = 0xe0 | (point >> 12);
  bytes[at + 1] = 0x80 | ((point >> 6) & 0x3f);
  bytes[at + 2] = 0x80 | (point & 0x3f);
  return at + 3;
};

/** UTF-8 of a string, in a buffer of exactly that length. Lone surrogates become U+FFFD. @returns {Uint8Array} */
function utf8Encode(text) {
  const { length } = text;
  const ascii = new Uint8Array(length);
  let i = 0;
  for (; i < length; i++) {
    const code = stringCharCodeAt(text, i);
    if (code > 0x7f) break;
    ascii[i] = code;
  }
  if (i === length) return ascii;
  const roomy = new Uint8Array(i + 3 * (length - i));
  typedArraySet(roomy, viewOf(ascii, 0, i));
  let at = i;
  while (i < length) {
    const next = putCodePoint(text, i, length, roomy, at);
    i += next - at === 4 ? 2 : 1;
    at = next;
  }
  return new Uint8Array(viewOf(roomy, 0, at));
}

/** The first `count` code units as a string. */
const unitsText = (units, count) =>
  reflectApply(stringFromCharCode, null, new Uint16Array(typedArrayBuffer(units), 0, count));

/** What the decoders of Unicode have in common. A byte-order mark at the start is left out unless it is to be kept. */
class UnicodeDecoder {
  #atStart;
  #fatal;
  constructor(fatal, keepBom) {
    this.#fatal = fatal;
    this.#atStart = !keepBom;
  }
  /** @returns {number} the unit that stands for what is not valid */
  invalid() {
    if (this.#fatal) throw new TypeError("The encoded data was not valid for the encoding.");
    return 0xfffd;
  }
  withoutBom(text) {
    if (!this.#atStart || text === "") return text;
    this.#atStart = false;
    return text[0] === "\ufeff" ? stringSlice(text, 1) : text;
  }
}

/** ASCII characters in a row that are decoded one by one, before the rest of their run is taken as a whole. */
const SHORT_RUN = 32;

/** The UTF-8 decoder of the Encoding standard, fed piece by piece. */
class Utf8Decoder extends UnicodeDecoder {
  #point = 0;
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;
  decode(bytes, last) {
    const length = typedArrayLength(bytes);
    const room = mathMin(length, TEXT_CHUNK) + SHORT_RUN + 2;
    const units = new Uint16Array(room);
    let point = this.#point;
    let needed = this.#needed;
    let lower = this.#lower;
    let upper = this.#upper;
    this.#needed = 0; // for when this throws
    this.#lower = 0x80;
    this.#upper = 0xbf;
    let text = "";
    let count = 0;
    let at = 0;
    while (at < length) {
      if (count + SHORT_RUN + 1 > room) {
        text += unitsText(units, count);
        count = 0;
      }
      const byte = bytes[at];
      if (needed === 0) {
        at++;
        if (byte < 0x80) {
          units[count++] = byte;
          const end = mathMin(at + SHORT_RUN - 1, length);
          while (at < end && bytes[at] < 0x80) units[count++] = bytes[at++];
          if (at === length || bytes[at] >= 0x80) continue;
          const start = at; // a longer run needs no looking at its bytes one by one
          while (at < length && bytes[at] < 0x80) at++;
          text += unitsText(units, count) + latin1Text(bytes, start, at);
          count = 0;
        } else if (byte >= 0xc2 && byte <= 0xdf) {
          needed = 1;
          point = byte & 0x1f;
        } else if (byte >= 0xe0 && byte <= 0xef) {
          needed = 2;
          point = byte & 0xf;
          if (byte === 0xe0) lower = 0xa0;
          if (byte === 0xed) upper = 0x9f;
        } else if (byte >= 0xf0 && byte <= 0xf4) {
          needed = 3;
          point = byte & 0x7;
          if (byte === 0xf0) lower = 0x90;
          if (byte === 0xf4) upper = 0x8f;
        } else units[count++] = this.invalid();
        continue;
      }
      const fits = byte >= lower && byte <= upper;
      lower = 0x80;
      upper = 0xbf;
      if (!fits) {
        needed = 0;
        units[count++] = this.invalid(); // and the byte is looked at again
        continue;
      }
      at++;
      point = (point << 6) | (byte & 0x3f);
      if (--needed > 0) continue;
      if (point > 0xffff) {
        units[count++] = 0xd7c0 + (point >> 10);
        units[count++] = 0xdc00 | (point & 0x3ff);
      } else units[count++] = point;
    }
    if (last && needed !== 0) {
      needed = 0;
      lower = 0x80;
      upper = 0xbf;
      units[count++] = this.invalid();
    }
    this.#point = point;
    this.#needed = needed;
    this.#lower = lower;
    this.#upper = upper;
    return this.withoutBom(text + unitsText(units, count));
  }
}

/** Little-endian UTF-16, fed piece by piece. */
class Utf16Decoder extends UnicodeDecoder {
  #leadByte = -1;
  #leadUnit = -1;
  decode(bytes, last) {
    const length = typedArrayLength(bytes);
    const room = mathMin(length, TEXT_CHUNK) + 3;
    const units = new Uint16Array(room);
    let text = "";
    let count = 0;
    for (let at = 0; at < length; at++) {
      if (count + 3 > room) {
        text += unitsText(units, count);
        count = 0;
      }
      if (this.#leadByte < 0) {
        this.#leadByte = bytes[at];
        continue;
      }
      const unit = this.#leadByte | (bytes[at] << 8);
      this.#leadByte = -1;
      const lead = this.#leadUnit;
      this.#leadUnit = -1;
      if (lead >= 0 && unit >= 0xdc00 && unit <= 0xdfff) {
        units[count++] = lead;
        units[count++] = unit;
        continue;
      }
      if (lead >= 0) units[count++] = this.invalid();
      if (unit >= 0xd800 && unit <= 0xdbff) this.#leadUnit = unit;
      else units[count++] = unit >= 0xdc00 && unit <= 0xdfff ? this.invalid() : unit;
    }
    text += unitsText(units, count);
    if (last && (this.#leadByte >= 0 || this.#leadUnit >= 0)) {
      this.#leadByte = this.#leadUnit = -1;
      text += stringFromCharCode(this.invalid());
    }
    return this.withoutBom(text);
  }
}

/** windows-1252, which is what the Encoding standard means by latin1 and ASCII. */
class Windows1252Decoder {
  static #upper =
    "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
    "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";
  decode(bytes) {
    let text = "";
    let plain = 0;
    const length = typedArrayLength(bytes);
    for (let at = 0; at < length; at++) {
      if (bytes[at] < 0x80 || bytes[at] > 0x9f) continue;
      text += latin1Text(bytes, plain, at) + Windows1252Decoder.#upper[bytes[at] - 0x80];
      plain = at + 1;
    }
    return text + latin1Text(bytes, plain, length);
  }
}

/** A string of UTF-8, as Body.text() reads it: without a byte-order mark, U+FFFD for what is no UTF-8. */
function utf8Decode(bytes) {
  return new Utf8Decoder(false, false).decode(bytes, true);
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The bytes in base64, with padding. */
function base64Encode(bytes) {
  const digits = new Uint8Array(64);
  for (let i = 0; i < 64; i++) digits[i] = stringCharCodeAt(BASE64, i);
  const length = typedArrayLength(bytes);
  const size = 4 * mathFloor((length + 2) / 3);
  const text = new Uint8Array(size);
  let out = 0;
  for (let at = 0; at < length; at += 3) {
    const second = at + 1 < length ? bytes[at + 1] : 0;
    const bits = (bytes[at] << 16) | (second << 8) | (at + 2 < length ? bytes[at + 2] : 0);
    text[out] = digits[bits >> 18];
    text[out + 1] = digits[(bits >> 12) & 63];
    text[out + 2] = digits[(bits >> 6) & 63];
    text[out + 3] = digits[bits & 63];
    out += 4;
  }
  const padding = (3 - (length % 3)) % 3;
  for (let i = 1; i <= padding; i++) text[size - i] = 0x3d;
  return latin1Text(text, 0, size);
}

/** Forgiving base64. https://infra.spec.whatwg.org/#forgiving-base64-decode @returns {Uint8Array | null} null: none */
function base64Decode(text) {
  const values = new Uint8Array(128); // one more than the value; 0: no digit
  for (let i = 0; i < 64; i++) values[stringCharCodeAt(BASE64, i)] = i + 1;
  const { length } = text;
  const bytes = new Uint8Array(mathFloor(length / 4) * 3 + 3);
  let written = 0;
  let bits = 0;
  let count = 0;
  let padding = 0;
  for (let at = 0; at < length; at++) {
    const code = stringCharCodeAt(text, at);
    const value = code > 127 ? 0 : values[code];
    if (value === 0 || padding > 0) {
      if (code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d || code === 0x0c) continue;
      if (code !== 0x3d) return null;
      padding++;
      continue;
    }
    bits = (bits << 6) | (value - 1);
    if ((++count & 3) === 0) {
      bytes[written] = bits >> 16;
      bytes[written + 1] = bits >> 8;
      bytes[written + 2] = bits;
      written += 3;
      bits = 0;
    }
  }
  const rest = count % 4;
  if (padding > 0 && (padding > 2 || (rest + padding) % 4 !== 0)) return null;
  if (rest === 1) return null;
  if (rest === 2) bytes[written++] = bits >> 4;
  if (rest === 3) {
    bytes[written++] = bits >> 10;
    bytes[written++] = bits >> 2;
  }
  return new Uint8Array(viewOf(bytes, 0, written));
}

/** @param {Uint8Array} bytes */
function latin1Hex(bytes) {
  const digits = "0123456789abcdef";
  let text = "";
  for (let index = 0; index < typedArrayLength(bytes); index += 1)
    text += digits[bytes[index] >> 4] + digits[bytes[index] & 15];
  return text;
}

/** What comes before the first of such marks. */
const beforeFirst = (text, mark) => {
  const at = stringIndexOf(text, mark);
  return at === -1 ? text : stringSlice(text, 0, at);
};
