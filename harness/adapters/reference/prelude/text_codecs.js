// TextEncoder, TextDecoder, their streams, atob and btoa. https://encoding.spec.whatwg.org/

/** By label. @type {Record<string, string>} */
const encodings = { __proto__: null };
const labels = {
  __proto__: null,
  "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
  "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
  "windows-1252":
    "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 " +
    "iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
};
{
  const names = objectKeys(labels);
  for (let index = 0; index < names.length; index += 1) {
    const text = `${labels[names[index]]} `;
    for (let at = 0, end; at < text.length; at = end + 1) {
      end = stringIndexOf(text, " ", at);
      encodings[stringSlice(text, at, end)] = names[index];
    }
  }
}

/** Text to UTF-8. https://encoding.spec.whatwg.org/#interface-textencoder */
class TextEncoder {
  #encoding = "utf-8";
  get encoding() {
    return this.#encoding;
  }
  encode(input = "") {
    this.#encoding;
    return utf8Encode(`${input}`);
  }
  encodeInto(source, destination) {
    this.#encoding;
    requireArguments(arguments.length, 2, "TextEncoder.encodeInto");
    const text = `${source}`;
    if (!isView(destination) || typedArrayKind(destination) !== "Uint8Array") {
      throw new TypeError("TextEncoder.encodeInto: the destination is not a Uint8Array.");
    }
    const { length } = text;
    const room = typedArrayLength(destination);
    const point = new Uint8Array(4);
    let read = 0;
    let written = 0;
    while (read < length) {
      const needed = putCodePoint(text, read, length, point, 0);
      if (written + needed > room) break;
      for (let i = 0; i < needed; i++) destination[written++] = point[i];
      read += needed === 4 ? 2 : 1;
    }
    return { read, written };
  }
}
webInterface(TextEncoder);

/** UTF-8, UTF-16LE and latin1 to text. https://encoding.spec.whatwg.org/#interface-textdecoder */
class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #decoder = null;
  #streaming = false;
  constructor(label = "utf-8", options = undefined) {
    const name = encodings[stringToLowerCase(asciiTrim(`${label}`))];
    if (name === undefined) throw new RangeError(`TextDecoder: "${label}" is no encoding known here.`);
    const { fatal, ignoreBOM } = requireDictionary(options, "TextDecoder");
    this.#encoding = name;
    this.#fatal = !!fatal;
    this.#ignoreBOM = !!ignoreBOM;
  }
  get encoding() {
    return this.#encoding;
  }
  get fatal() {
    return this.#fatal;
  }
  get ignoreBOM() {
    return this.#ignoreBOM;
  }
  decode(input = undefined, options = undefined) {
    this.#encoding;
    const bytes = input === undefined ? new Uint8Array(0) : bytesOf(input, "TextDecoder.decode");
    const stream = !!requireDictionary(options, "TextDecoder.decode").stream;
    if (!this.#streaming) this.#decoder = this.#make();
    this.#streaming = stream;
    try {
      return this.#decoder.decode(bytes, !stream);
    } catch (error) {
      this.#streaming = false;
      throw error;
    }
  }
  #make() {
    if (this.#encoding === "windows-1252") return new Windows1252Decoder();
    const Decoder = this.#encoding === "utf-8" ? Utf8Decoder : Utf16Decoder;
    return new Decoder(this.#fatal, this.#ignoreBOM);
  }
}
webInterface(TextDecoder);

/** Without leading and trailing ASCII whitespace. */
function asciiTrim(text) {
  const isSpace = (at) => {
    const code = stringCharCodeAt(text, at);
    return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;
  };
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(start)) start++;
  while (end > start && isSpace(end - 1)) end--;
  return stringSlice(text, start, end);
}

/** A stream of strings to one of bytes; surrogate pairs may be cut anywhere. */
class TextEncoderStream {
  #stream;
  constructor() {
    let half = "";
    const put = (text, controller) => {
      if (text !== "") controller.enqueue(utf8Encode(text));
    };
    this.#stream = new streams.TransformStream({
      transform(chunk, controller) {
        const text = half + `${chunk}`;
        const last = text === "" ? 0 : stringCharCodeAt(text, text.length - 1);
        const whole = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
        half = stringSlice(text, whole);
        put(stringSlice(text, 0, whole), controller);
      },
      flush(controller) {
        put(half, controller);
      },
    });
  }
  get encoding() {
    this.#stream;
    return "utf-8";
  }
  get readable() {
    return this.#stream.readable;
  }
  get writable() {
    return this.#stream.writable;
  }
}
webInterface(TextEncoderStream);

/** A stream of bytes to one of strings. */
class TextDecoderStream {
  #stream;
  #decoder;
  constructor(label = "utf-8", options = undefined) {
    this.#decoder = new TextDecoder(label, options);
    const put = (decoder, input, stream, controller) => {
      const text = decodeWith(decoder, input, { __proto__: null, stream });
      if (text !== "") controller.enqueue(text);
    };
    const decoder = this.#decoder;
    this.#stream = new streams.TransformStream({
      transform: (chunk, controller) => put(decoder, bytesOf(chunk, "TextDecoderStream"), true, controller),
      flush: (controller) => put(decoder, new Uint8Array(0), false, controller),
    });
  }
  get encoding() {
    return readEncoding(this.#decoder);
  }
  get fatal() {
    return readFatal(this.#decoder);
  }
  get ignoreBOM() {
    return readIgnoreBom(this.#decoder);
  }
  get readable() {
    return this.#stream.readable;
  }
  get writable() {
    return this.#stream.writable;
  }
}
webInterface(TextDecoderStream);
const decodeWith = uncurryThis(TextDecoder.prototype.decode);
const readEncoding = uncurryGetter(TextDecoder.prototype, "encoding");
const readFatal = uncurryGetter(TextDecoder.prototype, "fatal");
const readIgnoreBom = uncurryGetter(TextDecoder.prototype, "ignoreBOM");

function atob(data) {
  requireArguments(arguments.length, 1, "atob");
  const bytes = base64Decode(`${data}`);
  if (bytes === null) throw new DOMException("atob: the string is not correctly encoded.", "InvalidCharacterError");
  return latin1Text(bytes, 0, typedArrayLength(bytes));
}

function btoa(data) {
  requireArguments(arguments.length, 1, "btoa");
  const text = `${data}`;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = stringCharCodeAt(text, i);
    if (code > 0xff) {
      throw new DOMException("btoa: the string has characters outside of the Latin1 range.", "InvalidCharacterError");
    }
    bytes[i] = code;
  }
  return base64Encode(bytes);
}
