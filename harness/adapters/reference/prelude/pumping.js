// Bodies on their way out that are pumped chunk by chunk, or passed on.

/** The same for one that is not at hand. */
function streamOut(invocation, origin, reader, length, ofAnswer) {
  if (origin !== null) {
    const { incoming } = origin;
    if (incoming.invocation === invocation && incoming.failure === null) {
      closeIncoming(incoming, new TypeError(BODY_USED));
      return `{"stream":${incoming.handle}}`;
    }
    need("streams");
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
