// Bodies: what a Request or a Response carries, and how it is read. Text and bytes stay as they are, and a body in the
// host stays there, until somebody asks for a stream.

/**
 * Exactly one of text, bytes, incoming and stream. `domain`: the request that it came in with; null when Worker code
 * made it. `view`: the stream made for `.body`, when somebody asked.
 */
class Content {
  domain;
  /** @type {string | null} */
  text = null;
  /** @type {ArrayBuffer | null} nobody else's */
  bytes = null;
  /** @type {Incoming | null} */
  incoming = null;
  stream = null;
  view = null;
  used = false;
  constructor(domain = null) {
    this.domain = domain;
  }
}

const TEXT_TYPE = "text/plain;charset=UTF-8";
const BODY_USED = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";

/** @param {any} described BODY_IN @param {ArrayBuffer | undefined} bytes what came along @returns {Content | null} */
function contentFromHost(invocation, described, bytes) {
  if (described === null) return null;
  const content = new Content(invocation.domain);
  const handle = ownField(described, "stream");
  if (handle === undefined) content.bytes = bytes ?? new ArrayBuffer(0);
  else {
    need("incoming");
    content.incoming = new Incoming(invocation, handle);
  }
  return content;
}

/** @param {string} text well-formed */
function contentOfText(text) {
  const content = new Content();
  content.text = text;
  return content;
}

/**
 * The body of a constructor's argument, and the content type it implies.
 * @returns {{content: Content, type: string | null}}
 * @throws {TypeError} for a stream that is in use
 */
function extractContent(body) {
  const extracted = { __proto__: null, content: new Content(), type: null };
  const { content } = extracted;
  if (isStream(body)) {
    if (streamLocked(body) || isDisturbed(body))
      throw new TypeError("This ReadableStream is locked or was read from: it is no body.");
    checkStreamOwner(body);
    content.stream = body;
    return extracted;
  }
  if (isObject(body)) {
    content.bytes = copiedBytes(body);
    if (content.bytes !== null) return extracted;
    if (isBlob(body)) {
      content.bytes = copied(blobBytes(body));
      extracted.type = blobType(body) || null;
      return extracted;
    }
    if (isFormData(body)) {
      const form = multipartOf(body);
      content.bytes = form.bytes;
      extracted.type = form.type;
      return extracted;
    }
    content.text = formTextOf(body);
    if (content.text !== null) {
      extracted.type = "application/x-www-form-urlencoded;charset=UTF-8";
      return extracted;
    }
  }
  content.text = toUSVString(body);
  extracted.type = TEXT_TYPE;
  return extracted;
}

/** @returns {string | null} null for what is no URLSearchParams */
function formTextOf(value) {
  let pairs;
  try {
    pairs = searchPairs(value);
  } catch {
    return null;
  }
  return serializeForm(pairs);
}

/** The public stream of a content; made when it is first asked for. @param {Content} content */
function streamOf(content) {
  if (content.stream !== null) return content.stream;
  checkOwner(content.domain);
  if (content.view === null) {
    content.view =
      content.incoming === null ? streamOfWhole(content.text ?? content.bytes) : streamOfIncoming(content.incoming);
    new StreamOrigin(content.view, content);
  }
  return content.view;
}

/** @param {Content | null} content */
function isUsed(content) {
  if (content === null) return false;
  const stream = content.stream ?? content.view;
  return content.used || (stream !== null && isDisturbed(stream));
}

/**
 * @param {Content} content
 * @throws {TypeError} when it was read, or is being read; an Error when it is another request's
 */
function requireUnused(content) {
  checkOwner(content.domain);
  const stream = content.stream ?? content.view;
  if (isUsed(content)) throw new TypeError(BODY_USED);
  if (stream === null) return;
  if (streamLocked(stream)) throw new TypeError("The body is locked to a reader: it is being read already.");
  checkStreamOwner(stream);
}

/**
 * Takes hold of a content to read it, once: by where its bytes really are, or by a reader of its stream.
 * @param {Content} content
 * @returns {{origin: Content | null, reader: object | null}} one of the two
 * @throws as `requireUnused`
 */
function claim(content) {
  requireUnused(content);
  content.used = true;
  const stream = content.stream ?? content.view;
  if (stream === null) return { __proto__: null, origin: content, reader: null };
  const origin = originOf(stream);
  const reader = streamReader(stream);
  if (origin === null) return { __proto__: null, origin: null, reader };
  origin.used = true;
  stream._disturbed = true; // it stays locked, and its bytes go by without it
  return { __proto__: null, origin, reader: null };
}

/** A second content of the same bytes. @param {Content | null} content @throws as `requireUnused` */
function teeContent(content) {
  if (content === null) return null;
  requireUnused(content);
  const copy = new Content(content.domain);
  if (content.stream === null && content.view === null && content.incoming === null) {
    copy.text = content.text;
    copy.bytes = content.bytes === null ? null : copied(new Uint8Array(content.bytes));
    return copy;
  }
  const branches = streamTee(streamOf(content));
  content.text = content.bytes = content.incoming = content.view = null;
  content.stream = branches[0];
  copy.stream = branches[1];
  return copy;
}

/**
 * The content moves to another message; to the first it counts as used.
 * @param {Content | null} content
 * @throws as `requireUnused`
 */
function moveContent(content) {
  if (content === null) return null;
  requireUnused(content);
  const moved = new Content(content.domain);
  moved.text = content.text;
  moved.bytes = content.bytes;
  moved.incoming = content.incoming;
  moved.stream = content.stream;
  moved.view = content.view;
  content.used = true;
  return moved;
}

/**
 * Reads a content once.
 * @template T
 * @param {Content | null} content
 * @param {(whole: string | ArrayBuffer) => T} convert a buffer is its own
 * @returns {Promise<T>}
 */
function consume(content, convert) {
  try {
    if (content === null) return promiseResolve(convert(""));
    const claimed = claim(content);
    const { origin } = claimed;
    if (origin === null || origin.incoming !== null) return consumeLater(claimed, convert);
    return promiseResolve(convert(origin.text ?? origin.bytes));
  } catch (error) {
    return promiseReject(error);
  }
}

async function consumeLater({ origin, reader }, convert) {
  const chunks = [];
  let total = 0;
  for (;;) {
    const chunk =
      reader === null
        ? await new Promise((resolve, reject) => readIncoming(origin.incoming, resolve, reject))
        : await nextChunk(reader);
    if (chunk === null) break;
    append(chunks, chunk);
    total += arrayBufferByteLength(chunk);
  }
  if (chunks.length === 1) return convert(chunks[0]);
  const whole = new Uint8Array(total);
  for (let index = 0, at = 0; index < chunks.length; index += 1) {
    typedArraySet(whole, new Uint8Array(chunks[index]), at);
    at += arrayBufferByteLength(chunks[index]);
  }
  return convert(typedArrayBuffer(whole));
}

const wholeAsText = (whole) => (typeof whole === "string" ? whole : utf8Decode(new Uint8Array(whole)));
const wholeAsJson = (whole) => jsonParse(wholeAsText(whole));
const wholeAsBuffer = (whole) => (typeof whole === "string" ? encodedText(whole) : whole);
const wholeAsBytes = (whole) => new Uint8Array(wholeAsBuffer(whole));
