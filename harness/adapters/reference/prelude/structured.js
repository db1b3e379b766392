// Structured cloning by way of a tree that JSON can carry. https://html.spec.whatwg.org/#structuredserializeinternal
//
// In the tree, strings, numbers, booleans, null and plain objects stand for themselves; `[[...]]` is an array, and an
// array that begins with a string is anything else:
//
//   ["v"]                           undefined
//   ["n", text]                     NaN, Infinity, -Infinity, -0
//   ["i", digits]                   bigint
//   ["u", json]                     a string with a lone surrogate
//   ["r", n]                        the n-th object, once more
//   ["A", length, [k, v, ...]]      array with holes or other properties
//   ["O", [k, v, ...]]              object with lone surrogates in its keys
//   ["d", ms]                       Date
//   ["x", source, flags]            RegExp
//   ["p", value]                    Boolean, Number, String, BigInt
//   ["m", [k, v, ...]]              Map
//   ["s", [v, ...]]                 Set
//   ["e", name, message, stack, cause]   Error; cause only where there is one
//   ["D", message, name, stack]     DOMException
//   ["b", bytes, max]               ArrayBuffer: base64, or the place in a list of buffers
//   ["w", kind, buffer, offset, length]  a view
//   ["h", name, data]               what an extension encoded
//
// Objects are numbered in the order in which they are met, on both sides alike.

/**
 * Kinds of objects that others teach the encoding: `{name, test(value), encode(value, inner), decode(data, inner)}`.
 * `encode` gives JSON-able data, `inner` encodes or decodes a part of it. `clone: true`: structuredClone uses it, too.
 */
const structuredExtensions = [];

/** Constructors of views by their kind; surface.js adds Float16Array, which V8 makes only with the context. */
const viewKinds = {
  __proto__: null, DataView, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  BigInt64Array, BigUint64Array, Float32Array, Float64Array, Float16Array: late.Float16Array,
};
const errorKinds = { __proto__: null, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

/**
 * @param {{plainInstances?: boolean}} [options] whether an instance of a Worker's own class counts as a plain object;
 *   it does unless told otherwise
 * @returns {unknown} a tree for JSON
 * @throws {DOMException} DataCloneError for what cannot be copied; whatever a getter of the value throws
 */
function encodeStructured(value, options = undefined) {
  return new StructuredEncoder(null, null, options?.plainInstances ?? true).encode(value);
}

/** The value of a tree as JSON.parse gave it; the tree is used up. */
function decodeStructured(tree) {
  return new StructuredDecoder(null).decode(tree);
}

function structuredClone(value, options = undefined) {
  requireArguments(arguments.length, 1, "structuredClone");
  const { transfer } = requireDictionary(options, "structuredClone");
  const moved = new Set();
  if (transfer !== undefined) {
    for (const item of transfer) {
      if (!isArrayBuffer(item)) throw dataCloneError(item);
      if (setHas(moved, item)) throw new DOMException("An ArrayBuffer is to be transferred twice.", "DataCloneError");
      setAdd(moved, item);
    }
  }
  const buffers = [];
  const tree = new StructuredEncoder(buffers, moved, true).encode(value);
  setForEach(moved, (buffer) => {
    if (arrayBufferDetached(buffer)) throw new DOMException("An ArrayBuffer is detached.", "DataCloneError");
  });
  setForEach(moved, (buffer) => {
    const at = arrayIndexOf(buffers, buffer);
    const received = arrayBufferTransfer(buffer);
    if (at >= 0) buffers[at] = received;
  });
  return new StructuredDecoder(buffers).decode(tree);
}
