// Values that JSON cannot carry but a structured copy does, and a description of any value that JSON can carry.

/** @type {Record<string, () => unknown>} */
const makers = {
  date: () => new Date(981173106789),
  map: () => new Map([["one", 1], [2, new Map([["deep", true]])]]),
  set: () => new Set(["a", 1, null]),
  bytes: () => new Uint8Array([0, 127, 255]),
  floats: () => new Float64Array([0.1, -1e300]),
  buffer: () => new Uint8Array([1, 2, 3]).buffer,
  bigint: () => 2n ** 80n,
  undefined: () => undefined,
  "property that is undefined": () => ({ present: undefined, also: null }),
  numbers: () => [NaN, -0, Infinity, -Infinity, 1e21],
  text: () => "\u{1f9ed} \u0000 \ud7ff",
  error: () => new RangeError("as a value"),
  nested: () => ({ list: [{ when: new Date(0), tags: new Set([1n]) }, [[[]]]], "": "empty key" }),
  cycle: () => {
    const parent = { name: "parent", child: { name: "child" } };
    parent.child.parent = parent;
    return parent;
  },
  "one object twice": () => {
    const shared = { shared: true };
    return [shared, shared];
  },
};

export const kinds = Object.keys(makers);

/** @param {string} kind */
export const make = (kind) => makers[kind]();

/**
 * Type and content of a value as nested arrays. An object met before stands as "seen" with its place in order of meeting.
 * @param {unknown} value
 * @param {Map<object, number>} seen
 * @returns {unknown[]}
 */
export function describe(value, seen = new Map()) {
  if (typeof value === "number") return ["number", Object.is(value, -0) ? "-0" : String(value)];
  if (value === null || typeof value !== "object") return [value === null ? "null" : typeof value, String(value)];
  if (seen.has(value)) return ["seen", seen.get(value)];
  seen.set(value, seen.size);
  const each = (items) => Array.from(items, (item) => describe(item, seen));
  const type = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (type === "Date") return [type, value.getTime()];
  if (type === "Error") return [type, value.name, value.message];
  if (type === "ArrayBuffer") return [type, ...new Uint8Array(value)];
  if (ArrayBuffer.isView(value)) return [type, ...each(value)];
  if (type === "Map" || type === "Set" || type === "Array") return [type, ...each(value)];
  return [type, ...each(Object.entries(value))];
}
