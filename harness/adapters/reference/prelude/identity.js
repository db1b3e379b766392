// IdentityTransformStream and FixedLengthStream: streams of bytes that pass them on as they are.

/** Says how many bytes will have come out of a stream when it ends. */
class StreamLength extends function self(stream) {
  return stream;
} {
  #length;
  constructor(stream, length) {
    super(stream);
    this.#length = length;
  }
  static of(stream) {
    return #length in stream ? stream.#length : null;
  }
}
/** @returns {number | null} */
const lengthOfStream = StreamLength.of;

const transformReadable = uncurryGetter(streams.TransformStream.prototype, "readable");
const transformEnqueue = uncurryThis(streams.TransformStreamDefaultController.prototype.enqueue);

/** @throws {TypeError} for what is no bytes */
function identityChunk(chunk, name) {
  const buffer = copiedBytes(chunk);
  if (buffer === null) throw new TypeError(`${name}: the chunk is neither an ArrayBuffer nor a view of one.`);
  return new Uint8Array(buffer);
}

class IdentityTransformStream extends streams.TransformStream {
  constructor() {
    super({
      __proto__: null,
      transform(chunk, controller) {
        const bytes = identityChunk(chunk, "IdentityTransformStream");
        if (typedArrayByteLength(bytes) > 0) transformEnqueue(controller, bytes);
      },
    });
  }
}
webInterface(IdentityTransformStream);

/** An answer with this body has a Content-Length. Writing more or less than was said is an error. */
class FixedLengthStream extends streams.TransformStream {
  constructor(expectedLength) {
    const expected = Number(expectedLength);
    if (!isInteger(expected) || expected < 0)
      throw new TypeError("FixedLengthStream: the length is not a number of bytes.");
    let passed = 0;
    super({
      __proto__: null,
      transform(chunk, controller) {
        const bytes = identityChunk(chunk, "FixedLengthStream");
        passed += typedArrayByteLength(bytes);
        if (passed > expected) throw new TypeError("Attempt to write too many bytes through a FixedLengthStream.");
        if (typedArrayByteLength(bytes) > 0) transformEnqueue(controller, bytes);
      },
      flush() {
        if (passed < expected) throw new TypeError("FixedLengthStream did not see all expected bytes before close().");
      },
    });
    new StreamLength(transformReadable(this), expected);
  }
}
webInterface(FixedLengthStream);
