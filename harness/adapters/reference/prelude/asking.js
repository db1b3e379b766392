// What is asked of the host, and its answers.

/** The invocation whose turn it is. @param {string} what the operation, for the message @throws in module scope */
function requireRequest(what) {
  if (current !== null) return current;
  throw new Error(
    `Disallowed operation called within global scope: ${what}. Asynchronous I/O (such as fetch()), setting a ` +
      "timeout, and generating random values are not allowed there. Perform this operation within a handler.",
  );
}

/**
 * Ask the host; it answers in a later turn of the same request, or never if the request ends before.
 * @param {Invocation} invocation
 * @param {string} args the arguments as JSON, without brackets
 * @param {ArrayBuffer | null} bytes
 * @param {(text: string, bytes: ArrayBuffer | undefined) => void} answered
 * @param {(error: unknown) => void} refused
 */
function startOp(invocation, handle, method, args, bytes, answered, refused) {
  if (invocation.over) throw new Error("The request that this belongs to is over.");
  lastId += 1;
  invocation.ops ??= new SafeMap();
  invocation.ops.set(lastId, { __proto__: null, answered, refused });
  const binary = bytes === null ? "null" : addBinary(bytes);
  post(`["op",${invocation.rid},${lastId},${quote(handle)},"${method}",[${args}],${binary}]`);
}

/**
 * A host call of Worker code, in the name of the request whose turn it is.
 * @template T
 * @param {string} what the operation, for messages
 * @param {(text: string, bytes: ArrayBuffer | undefined) => T} convert what the answer is to Worker code
 * @returns {Promise<T>}
 */
function callHost(what, handle, method, args, bytes, convert) {
  return new Promise((resolve, reject) => {
    const answered = (text, data) => {
      try {
        resolve(convert(text, data));
      } catch (error) {
        reject(error);
      }
    };
    startOp(requireRequest(what), handle, method, args, bytes, answered, reject);
  });
}

/** An answer to an op: kind 1 is a result, kind 2 a refusal. */
function deliverAnswer(invocation, kind, id, text, bytes) {
  const op = invocation.ops === null ? undefined : invocation.ops.get(id);
  if (op === undefined) return;
  invocation.ops.delete(id);
  if (kind === 1) op.answered(text, bytes);
  else op.refused(hostError(text));
}

/** @type {Record<string, ErrorConstructor>} */
const builtInErrors = {
  __proto__: null,
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** The error a refusal tells of: one thrown in another isolate as it was there, others by name and message. */
function hostError(text) {
  const told = jsonParse(text);
  const coded = ownField(told, "coded");
  if (coded !== undefined && coded !== null) return decoded(coded);
  const Kind = builtInErrors[told.name];
  const error = new (Kind ?? Error)(told.message);
  if (Kind === undefined)
    defineProperty(error, "name", { __proto__: null, value: told.name, configurable: true, writable: true });
  return error;
}
