// Bodies that wait in the host until they are read.

/** A body outside. Who reads it does so in the name of the request it came in with. */
class Incoming {
  invocation;
  handle;
  /** Why it cannot be read any more. @type {{error: unknown} | null} */
  failure = null;
  isAtEnd = false;
  /** Fails the read under way. @type {((error: unknown) => void) | null} */
  refuse = null;
  /** @param {Invocation} invocation @param {number} handle what the host calls it */
  constructor(invocation, handle) {
    this.invocation = invocation;
    this.handle = handle;
  }
}

/**
 * Fetches the next bytes; null is the end.
 * @param {Incoming} incoming
 * @param {(chunk: ArrayBuffer | null) => void} taken
 * @param {(error: unknown) => void} refused
 */
function readIncoming(incoming, taken, refused) {
  if (incoming.failure !== null) {
    refused(incoming.failure.error);
    return;
  }
  incoming.refuse = refused;
  const answered = (text, bytes) => {
    if (incoming.failure !== null) return;
    incoming.refuse = null;
    if (text !== "true") {
      incoming.isAtEnd = true;
      taken(null);
    } else if (bytes === undefined || arrayBufferByteLength(bytes) === 0) readIncoming(incoming, taken, refused);
    else taken(bytes);
  };
  startOp(incoming.invocation, "body", "read", `${incoming.handle}`, null, answered, refused);
}

/** It cannot be read from here any more. @param {Incoming} incoming @param {unknown} error what reading it comes to */
function closeIncoming(incoming, error) {
  incoming.failure ??= { __proto__: null, error };
}

/** Nobody will read it: what is outside may go. @param {Incoming} incoming */
function cancelIncoming(incoming, error = new TypeError("The body was cancelled.")) {
  if (incoming.failure !== null || incoming.isAtEnd) return;
  closeIncoming(incoming, error);
  if (incoming.refuse !== null) incoming.refuse(error);
  if (incoming.invocation.over) return;
  startOp(
    incoming.invocation,
    "body",
    "cancel",
    `${incoming.handle}`,
    null,
    () => {},
    () => {},
  );
}
