// What Request and Response have in common. https://fetch.spec.whatwg.org/ with what Workers differ in.
//
// What comes from the host stays as it came until Worker code asks: headers become Headers, a body a stream, when read.

const bodyToken = {};
const hostToken = {};

/** `contentOf(message)`: its body. */
let contentOf;

/** What both have. Not on the global object. */
class Body {
  /** @type {Content | null} */
  #content;

  static {
    contentOf = (message) => message.#content;
  }

  constructor(token, content) {
    if (token !== bodyToken) throw new TypeError("Illegal constructor");
    this.#content = content;
  }
  get body() {
    if (this.#content === null) return null;
    need("reading");
    return streamOf(this.#content);
  }
  get bodyUsed() {
    return isUsed(this.#content);
  }
  text() {
    need("reading");
    return consume(this.#content, wholeAsText);
  }
  json() {
    need("reading");
    return consume(this.#content, wholeAsJson);
  }
  arrayBuffer() {
    need("reading");
    return consume(this.#content, wholeAsBuffer);
  }
  bytes() {
    need("reading");
    return consume(this.#content, wholeAsBytes);
  }
  blob() {
    need("reading");
    need("blob");
    const type = contentTypeOf(this) ?? "";
    return consume(this.#content, (whole) => new Blob(wholeAsBytes(whole), stringToLowerCase(type), blobToken));
  }
  formData() {
    need("reading");
    need("blob");
    const type = contentTypeOf(this) ?? "";
    return consume(this.#content, (whole) => formOf(whole, type));
  }
}
webInterface(Body);

/** Headers as JSON. @param {Array<[string, string]>} pairs */
function pairsText(pairs) {
  let text = "";
  for (let index = 0; index < pairs.length; index += 1) {
    text += `${index === 0 ? "" : ","}[${jsonStringify(pairs[index][0])},${quote(pairs[index][1])}]`;
  }
  return `[${text}]`;
}
