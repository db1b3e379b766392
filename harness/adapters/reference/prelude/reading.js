// Bodies made of what Worker code has, copied, and read.

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
    need("url");
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
    need("streams");
    content.view =
      content.incoming === null ? streamOfWhole(content.text ?? content.bytes) : streamOfIncoming(content.incoming);
    new StreamOrigin(content.view, content);
  }
  return content.view;
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
  need("streams");
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
