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
