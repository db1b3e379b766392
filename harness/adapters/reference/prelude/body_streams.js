// Bytes as streams, which belong to one request.

const {
  ReadableStream: PlainStream,
  ReadableStreamDefaultReader: PlainReader,
  ReadableStreamBYOBReader: PlainByteReader,
} = streams;
const streamReader = uncurryThis(PlainStream.prototype.getReader);
const streamTee = uncurryThis(PlainStream.prototype.tee);
const streamLocked = uncurryGetter(PlainStream.prototype, "locked");
const readerRead = uncurryThis(PlainReader.prototype.read);
const readerCancel = uncurryThis(PlainReader.prototype.cancel);
const byteEnqueue = uncurryThis(streams.ReadableByteStreamController.prototype.enqueue);
const byteClose = uncurryThis(streams.ReadableByteStreamController.prototype.close);
const byteRequest = uncurryGetter(streams.ReadableByteStreamController.prototype, "byobRequest");
const byteRespond = uncurryThis(streams.ReadableStreamBYOBRequest.prototype.respond);

/** A stream that reads when it is read from. @param {Incoming} incoming */
function streamOfIncoming(incoming) {
  return byteStream(
    (controller) => {
      checkOwner(incoming.invocation.domain);
      return new Promise((resolve, reject) => {
        const taken = (chunk) => {
          if (chunk === null) closeBytes(controller);
          else byteEnqueue(controller, new Uint8Array(chunk));
          resolve();
        };
        readIncoming(incoming, taken, reject);
      });
    },
    () => cancelIncoming(incoming),
  );
}

/** A stream of bytes that are here. @param {string | ArrayBuffer} whole */
function streamOfWhole(whole) {
  return byteStream((controller) => {
    const buffer = typeof whole === "string" ? encodedText(whole) : copied(new Uint8Array(whole));
    if (arrayBufferByteLength(buffer) > 0) byteEnqueue(controller, new Uint8Array(buffer));
    closeBytes(controller);
  });
}

function byteStream(pull, cancel = () => {}) {
  return new PlainStream({ __proto__: null, type: "bytes", pull, cancel }, { __proto__: null, highWaterMark: 0 });
}

/** The end of a byte stream; a reader that brought a buffer of its own is told too. */
function closeBytes(controller) {
  byteClose(controller);
  const request = byteRequest(controller);
  if (request !== null) byteRespond(request, 0);
}

function isStream(value) {
  if (!isObject(value)) return false;
  try {
    streamLocked(value);
    return true;
  } catch {
    return false;
  }
}

/** Whether anything was read from a stream, or it was cancelled. The field is the polyfill's. */
const isDisturbed = (stream) => stream._disturbed === true;

/** A promise whose rejection is of no interest. */
const quietly = (promise) => promiseThen(promise, undefined, () => {});

/** The next bytes of a stream, copied; null at its end. @throws {TypeError} for a chunk that is no bytes */
async function nextChunk(reader) {
  const { done, value } = await readerRead(reader);
  if (done) return null;
  const chunk = copiedBytes(value);
  if (chunk !== null) return chunk;
  const error = new TypeError(
    `This stream is read as bytes, but a chunk of it is ${value === null ? "null" : `of type ${typeof value}`}; ` +
      "expected an ArrayBuffer or a view of one, such as TextEncoder.encode() returns.",
  );
  quietly(readerCancel(reader, error));
  throw error;
}

/** Says of a stream where its bytes are: whose I/O reading it is, and what it stands for while it is unread. */
class StreamOrigin extends function self(stream) {
  return stream;
} {
  #origin;
  constructor(stream, origin) {
    super(stream);
    this.#origin = origin;
  }
  static of(stream) {
    return #origin in stream ? stream.#origin : null;
  }
}
/** @returns {Content | null} */
const originOf = StreamOrigin.of;

/** Streams of a request's are read in that request only, whoever holds them. */
function checkStreamOwner(stream) {
  const origin = isObject(stream) ? originOf(stream) : null;
  if (origin !== null) checkOwner(origin.domain);
}

/** Puts the check before a method. Promises are rejected, other methods throw. */
function guardStreams(Interface, name, streamIn, returnsPromise) {
  const plain = getOwnPropertyDescriptor(Interface.prototype, name).value;
  const { [name]: guarded } = {
    [name](...args) {
      try {
        checkStreamOwner(streamIn(this));
      } catch (error) {
        if (returnsPromise) return promiseReject(error);
        throw error;
      }
      return reflectApply(plain, this, args);
    },
  };
  defineProperty(Interface.prototype, name, { __proto__: null, value: guarded });
}

const itself = (stream) => stream;
/** The field is the polyfill's. */
const itsStream = (reader) => (isObject(reader) ? reader._ownerReadableStream : undefined);
guardStreams(PlainStream, "getReader", itself, false);
guardStreams(PlainStream, "tee", itself, false);
guardStreams(PlainStream, "pipeThrough", itself, false);
guardStreams(PlainStream, "values", itself, false);
defineProperty(PlainStream.prototype, symbolAsyncIterator, { __proto__: null, value: PlainStream.prototype.values });
guardStreams(PlainStream, "pipeTo", itself, true);
guardStreams(PlainStream, "cancel", itself, true);
guardStreams(PlainReader, "read", itsStream, true);
guardStreams(PlainReader, "cancel", itsStream, true);
guardStreams(PlainByteReader, "read", itsStream, true);
guardStreams(PlainByteReader, "cancel", itsStream, true);
