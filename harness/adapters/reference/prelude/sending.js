// Bodies on their way out, when they are at hand.

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
    if (origin.incoming === null) {
      if (text !== null) need("encoding");
      return `{"bin":${addBinary(origin.bytes ?? encodedText(text))}}`;
    }
  }
  need("pumping");
  return streamOut(invocation, origin, reader, length, ofAnswer);
}
