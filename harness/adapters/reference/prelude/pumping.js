// Bodies on their way out: described to the host when they are at hand, pumped chunk by chunk when they are streams.

/** Longer texts leave as bytes. Shorter ones are text in the post: no buffer is made here or carried over. */
const LONGEST_INLINE_TEXT = 1_048_576;

/**
 * @param {Invocation} invocation whose message it is
 * @param {Content | null} content
 * @param {boolean} ofAnswer whether the answer is only complete when this body is
 * @returns {string} BODY_OUT as JSON
 * @throws when it was used before or is another request's
 */
function bodyOut(invocation, content, ofAnswer) {
  if (content === null) return "null";
  const length = content.stream === null ? null : lengthOfStream(content.stream);
  return claimedOut(invocation, claim(content), length, ofAnswer);
}

/** The same for a content that was claimed. One that is text or bytes can be sent again. */
function claimedOut(invocation, { origin, reader }, length, ofAnswer) {
  if (origin !== null) {
    const { text } = origin;
    if (text !== null && text.length <= LONGEST_INLINE_TEXT) return `{"text":${jsonStringify(text)}}`;
    if (origin.incoming === null) return `{"bin":${addBinary(origin.bytes ?? encodedText(text))}}`;
    const { incoming } = origin;
    if (incoming.invocation === invocation && incoming.failure === null) {
      closeIncoming(incoming, new TypeError(BODY_USED));
      return `{"stream":${incoming.handle}}`;
    }
    reader = streamReader(streamOfIncoming(incoming));
  }
  lastId += 1;
  const guest = lastId;
  if (ofAnswer) invocation.parts += 1;
  pump(invocation, guest, reader, ofAnswer);
  return length === null ? `{"guest":${guest}}` : `{"guest":${guest},"length":${length}}`;
}

/** Each chunk is asked for when the one before was taken. Never rejects. */
async function pump(invocation, guest, reader, ofAnswer) {
  try {
    for (let chunk = await nextChunk(reader); chunk !== null; chunk = await nextChunk(reader)) {
      if (arrayBufferByteLength(chunk) === 0) continue;
      if (!(await isTaken(invocation, guest, chunk, reader))) break;
    }
    await pumpOp(invocation, "end", `${guest}`, null); // of a body that nobody takes any more, too: it is over
  } catch (error) {
    postException(invocation, error);
    await promiseThen(
      pumpOp(invocation, "fail", `${guest},${quote(describeThrown(error).message)}`, null),
      undefined,
      () => {},
    );
  }
  if (ofAnswer) partDone(invocation);
}

/** Hands a chunk over. When the other end does not want it any more, neither is the rest read. */
async function isTaken(invocation, guest, chunk, reader) {
  try {
    await pumpOp(invocation, "write", `${guest}`, chunk);
    return true;
  } catch (error) {
    quietly(readerCancel(reader, error));
    return false;
  }
}

const pumpOp = (invocation, method, args, bytes) =>
  new Promise((resolve, reject) => startOp(invocation, "body", method, args, bytes, () => resolve(), reject));
