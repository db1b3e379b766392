// Bytes that nobody else has.

/** @param {Uint8Array} bytes @returns {ArrayBuffer} a copy that nobody else has */
const copied = (bytes) => typedArrayBuffer(new Uint8Array(bytes));

/** @param {string} text @returns {ArrayBuffer} */
const encodedText = (text) => typedArrayBuffer(utf8Encode(text));

/** The bytes of an ArrayBuffer or a view, copied; null for anything else. @returns {ArrayBuffer | null} */
function copiedBytes(value) {
  if (!isObject(value)) return null;
  let bytes;
  try {
    bytes = bytesOf(value, "body");
  } catch {
    return null;
  }
  return copied(bytes);
}
