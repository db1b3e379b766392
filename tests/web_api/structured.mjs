// Checks of structured cloning. What a check is: see areas.mjs.

/** Values that structuredClone and the encoding must copy alike, as sources. */
const CLONABLE = [
  "undefined", "null", "0", "-0", "NaN", "Infinity", "-Infinity", "1.5", "2n ** 70n", "-5n", "''", "'text'",
    "'\\ud800x'", "'\\udc00\\ud800'",
  "true", "[]", "[1, [2, ['v']], 'u']", "['r', 0]", "[undefined, null, NaN]", "[1, , 3]", "[, ]",
    "Object.assign([1, 2], { extra: 'x' })",
  "Object.assign([], { 5: 1 })", "new Array(3)", "{}", "({ a: 1, b: { c: [2] } })", "({ 1: 'one', b: 2, 0: 'zero' })",
  "JSON.parse('{\"__proto__\": {\"x\": 1}, \"constructor\": 2, \"toJSON\": 3, \"length\": 4}')",
    "({ '\\ud800': 1, ok: 2, '\\udfff': 3 })",
  "({ get computed() { return 5; } })",
    "Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } })",
  "Object.assign(Object.create(null), { a: 1 })", "new (class Point { x = 1; method() {} })()",
    "({ [Symbol('s')]: 1, a: 2 })",
  "new Date(5)", "new Date(NaN)", "/a\\/b+/giu", "/x/dmsy", "Object.assign(/y/g, { lastIndex: 4 })",
    "new Map([[1, 'a'], [{ k: 1 }, new Map()]])",
  "new Set([1, 'a', { b: 2 }])", "new Boolean(false)", "new Number(-0)", "new String('s')", "new String('\\ud800')",
    "Object(5n)",
  "new Uint8Array([1, 2, 3])", "new Float64Array([1.5, NaN])", "new BigInt64Array([-1n])",
    "new Uint8Array(8).subarray(2, 5)", "new Uint8ClampedArray([300])",
  "new Float16Array([1.5])", "new ArrayBuffer(0)", "new Uint8Array([9, 8, 7]).buffer",
    "new Uint16Array(new Uint8Array([1, 2, 3, 4]).buffer, 2)",
  "new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 1).getUint8(0)",
    "Array.from({ length: 300 }, (_, i) => i % 3 ? i : { i })",
  "(class extends Map {}).from ?? new (class Mine extends Map {})([[1, 2]])", "new (class Mine extends Array {})(1, 2)",
];

const source = (text) => new Function(`return async () => (${text})`)();

/** What goes through the encoding as JSON in an isolate; through Node's structuredClone in Node. */
const CROSS = `((value) => {
  if (globalThis.inside === undefined) return structuredClone(value);
  return inside.decodeStructured(JSON.parse(JSON.stringify(inside.encodeStructured(value))));
})`;

function copiesKeepIdentity(copyOf) {
  const shared = { s: 1 };
  const value = { shared, again: shared, list: [shared], map: new Map(), set: new Set() };
  value.self = value;
  value.list.push(value.list);
  value.map.set(value.map, value);
  value.set.add(value.set);
  const copy = copyOf(value);
  return [
    copy.self === copy, copy.shared === copy.again, copy.list[0] === copy.shared, copy.list[1] === copy.list,
    copy.map.get(copy.map) === copy, copy.set.has(copy.set), copy.shared !== shared, Object.keys(copy),
  ];
}

function copiesAreNumberedAlike(copyOf) {
  const inner = { deep: new Date(1) };
  const holding = new Map([[inner, new Uint8Array([1])]]);
  const copy = copyOf([holding, new Error("e", { cause: inner }), /x/, Object("s"), inner, [inner.deep, , inner]]);
  return [
    copy[4] === [...copy[0].keys()][0], copy[1].cause === copy[4], copy[5][0] === copy[4].deep, 1 in copy[5],
    copy[5][2] === copy[4],
  ];
}

export const STRUCTURED = [
  ...CLONABLE.map((value) => [`structuredClone of ${value}`, source(`structuredClone(${value})`)]),
  ...CLONABLE.map((value) => [
    `encoding of ${value}`,
    source(`${CROSS}(${value})`),
  ]),
  ...CLONABLE.map((value) => [
    `prototype of a clone of ${value}`,
    source(`[structuredClone(${value})].map((copy) => [{}.toString.call(copy), Object(copy).constructor?.name])`),
  ]),
  ...[
    "() => 1", "Symbol('x')", "({ f() {} })", "[Symbol.iterator]", "Promise.resolve()", "new WeakMap()",
      "new WeakSet()", "new WeakRef({})",
    "Object(Symbol())", "(function* () {})()", "new Map().keys()", "[].values()", "new URL('http://a')",
      "new AbortController()",
    "new AbortController().signal", "new EventTarget()", "new Event('x')", "new Headers()", "new TextDecoder()",
      "new URLSearchParams()",
    "{ a: [new Map([[1, () => {}]])] }", "new Error('x', { cause: () => {} })", "new FinalizationRegistry(() => {})",
      "crypto",
  ].map((value) => [`structuredClone refuses ${value}`,
    source(`structuredClone(${value.startsWith("{") ? `(${value})` : value})`), "throws DataCloneError"]),
  ["an error keeps what an error has", () => [
    new Error("a"), new TypeError("b"), new RangeError(""), new Error(), new (class Own extends SyntaxError {})("c"),
      new AggregateError([1], "d"),
    Object.assign(new Error("e"), { name: "EvalError", extra: 1 }), Object.assign(new Error("f"), { name: "Made up" }),
      new Error("g", { cause: { h: 1 } }),
    new Error("i", { cause: undefined }), Object.assign(new Error("x"), { message: 5 }),
  ].map((error) => {
    const copy = structuredClone(error);
    return [copy.constructor.name, copy.name, copy.message, copy.cause, "cause" in copy, Object.keys(copy),
      Object.hasOwn(copy, "message"), copy.stack === error.stack];
  })],
  ["an error whose cause is itself", () => {
    const error = new Error("x");
    error.cause = error;
    const copy = structuredClone(error);
    return copy.cause === copy && copy !== error;
  }],
  ["a DOMException", () => {
    const error = new DOMException("a", "AbortError");
    const copy = structuredClone(error);
    return [copy instanceof DOMException, copy.name, copy.message, copy.code, copy.stack === error.stack,
      copy === error];
  }],
  ...["structuredClone", CROSS].map((copyOf, index) => [
    `cycles and shared references ${index}`, source(`(${copiesKeepIdentity})(${copyOf})`),
  ]),
  ["numbering is the same on both sides", source(`(${copiesAreNumberedAlike})(${CROSS})`)],
  ["views of one buffer share the copy", () => {
    const buffer = new ArrayBuffer(8);
    const value = [new Uint8Array(buffer, 1, 2), buffer, new DataView(buffer, 4), new Uint8Array(buffer)];
    const [bytes, copy, view, whole] = structuredClone(value);
    whole[1] = 7;
    return [bytes.buffer === copy, view.buffer === copy, bytes[0], view.byteOffset, view.byteLength,
      new Uint8Array(buffer)[1]];
  }],
  ["a resizable buffer stays one", () => {
    const copy = structuredClone(new ArrayBuffer(2, { maxByteLength: 8 }));
    return [copy.resizable, copy.maxByteLength, copy.byteLength];
  }],
  ["transfer", () => {
    const [moved, kept, alone] = [new Uint8Array([1, 2]).buffer, new Uint8Array([3]).buffer, new ArrayBuffer(4)];
    const copy = structuredClone({ moved, kept, view: new Uint8Array(moved, 1) }, { transfer: [moved, alone] });
    return [moved.detached, kept.detached, alone.detached, copy, copy.view.buffer === copy.moved];
  }],
  ["what cannot be transferred", () => structuredClone(1, { transfer: [{}] })],
  ["transferring twice", () => {
    const buffer = new ArrayBuffer(1);
    return structuredClone(buffer, { transfer: [buffer, buffer] });
  }],
  ["a detached buffer", () => {
    const buffer = new ArrayBuffer(1);
    structuredClone(buffer, { transfer: [buffer] });
    return structuredClone(buffer);
  }],
  ["nothing is transferred when cloning fails", () => {
    const buffer = new ArrayBuffer(1);
    try {
      structuredClone([buffer, () => {}], { transfer: [buffer] });
    } catch {
      return buffer.detached;
    }
  }],
  ["without an argument", () => structuredClone()],
  ["getters run once and in order", () => {
    const seen = [];
    structuredClone({ get a() { seen.push("a"); return { get b() { seen.push("b"); return 1; } }; },
      get c() { seen.push("c"); } });
    return seen;
  }],
  ["a getter that takes a property away", () => {
    const value = { get a() { delete value.b; return 1; }, b: 2, c: 3 };
    return structuredClone(value);
  }],
  ["an exception of a getter comes through", () => structuredClone({ get a() { throw new RangeError("mine"); } })],
  ["the tree is for JSON", () => JSON.stringify(inside.encodeStructured({ a: [1, "s", null, true],
    m: new Map([[1, undefined]]), n: -0 })),
    '{"a":[[1,"s",null,true]],"m":["m",[1,["v"]]],"n":["n","-0"]}'],
  ["a tree has no lone surrogate in it", () => {
    const text = JSON.stringify(inside.encodeStructured({ "\ud800": "\udc00", list: ["\ud83d"] }));
    return [text.isWellFormed(), JSON.parse(text, (key,
      value) => (typeof value === "string" && !value.isWellFormed() ? undefined : value)).length];
  }, [true, 2]],
  ["instances can be refused", () => {
    class Own {}
    return [{}, Object.create(null), new Own(), [new Own()]].map((value) => {
      try {
        inside.encodeStructured(value, { plainInstances: false });
        return "copied";
      } catch (error) {
        return error.name;
      }
    });
  }, ["copied", "copied", "DataCloneError", "DataCloneError"]],
  ["an extension is asked first", () => {
    class Target { constructor(id, more) { this.id = id; this.more = more; } }
    inside.structuredExtensions.push({
      name: "target", test: (value) => value instanceof Target || typeof value === "function",
      encode: (value, encode) => (typeof value === "function" ? value.name : [value.id, encode(value.more)]),
      decode: (data, decode) => (typeof data === "string" ? { called: data } : new Target(data[0], decode(data[1]))),
    });
    const target = new Target(5, new Map());
    target.more.set("self", target);
    const copy = inside.decodeStructured(JSON.parse(JSON.stringify(inside.encodeStructured([target, target,
      function named() {}]))));
    let refused;
    try {
      structuredClone(() => {});
    } catch (error) {
      refused = error.name;
    }
    return [copy[0] instanceof Target, copy[0] === copy[1], copy[0].id, copy[0].more instanceof Map, copy[2], refused];
  }, [true, true, 5, true, { called: "named" }, "DataCloneError"]],
  ["tags that lie", () => [
    structuredClone({ [Symbol.toStringTag]: "Date", a: 1 }),
    structuredClone(Object.defineProperty(new Date(5), Symbol.toStringTag, { value: "Map" })),
    structuredClone(Object.defineProperty(new Map([[1, 2]]), Symbol.toStringTag, { value: "Object" })),
    structuredClone(new (class extends Date { get [Symbol.toStringTag]() { return "Mine"; } })(6)),
  ]],
];
