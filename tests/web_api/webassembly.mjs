// Checks of counted WebAssembly memory. What a check is: see areas.mjs.

const leb = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
const list = (...items) => [...leb(items.length), ...items.flat()];
const name = (text) => list(...Buffer.from(text));
const section = (id, ...body) => [id, ...leb(body.flat().length), ...body.flat()];
const module = (...sections) => [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()];

const I32 = 0x7f;
const type = (parameters, results) => [0x60, ...list(...parameters), ...list(...results)];
const code = (...body) => [...leb(body.length + 2), 0, ...body, 0x0b];
const TYPES = section(1, list(type([I32], [I32]), type([], [])));
const GROW = (memory = 0) => code(0x20, 0, 0x40, memory); // local.get 0, memory.grow
const LOAD = code(0x20, 0, 0x2d, 0, 0); // local.get 0, i32.load8_u
const custom = section(0, name("note"), 1, 2, 3);

/** 1 to 4 pages; `grow`, `load` and maybe the memory are exported; the text "hi" is at 0. */
const plain = (exported, ...extra) => module(
  custom, TYPES, custom, section(3, list(0, 0)), section(5, list([1, 1, 4])),
  section(7, list([...name("grow"), 0, 0], [...name("load"), 0, 1], ...(exported ? [[...name("memory"), 2, 0]] : []))),
  ...extra, section(10, list(GROW(), LOAD)), section(11, list([0, 0x41, 0, 0x0b, ...name("hi")])), custom,
);

const MODULES = {
  exported: plain(true),
  hidden: plain(false),
  empty: module(),
  onlyMemory: module(section(5, list([0, 2]))),
  /** Imports a function and calls it, and a memory, and has one of its own, which it exports with the imported one. */
  importing: module(
    TYPES, section(2, list([...name("env"), ...name("call"), 0, 1], [...name("env"), ...name("m"), 2, 0, 1])),
    section(3, list(0)), section(5, list([0, 3])),
    section(7, list([...name("theirs"), 2, 0], [...name("own"), 2, 1], [...name("grow"), 0, 1])),
    section(10, list(GROW(1))),
  ),
  /** Its start function grows the memory and calls an imported function, and then traps if it was told to. */
  starting: (traps) => module(
    TYPES, section(2, list([...name("env"), ...name("call"), 0, 1])), section(3, list(1)),
    section(5, list([1, 1, 9])), section(8, 1),
    section(10, list(code(0x41, 4, 0x40, 0, 0x1a, 0x10, 0, ...(traps ? [0x00] : [])))),
  ),
  shared: module(section(5, list([3, 1, 2]))),
  sharedImport: module(section(2, list([...name("env"), ...name("m"), 2, 3, 1, 2]))),
  wide: module(section(5, list([5, 2, 3])), section(7, list([...name("memory"), 2, 0]))),
  twoMemorySections: module(section(5, list([0, 1])), section(5, list([0, 1]))),
  importsAfterMemory: module(section(5, list([0, 1])), section(2, list())),
  truncated: plain(true).slice(0, -3),
  unknownLimits: module(section(5, list([0x40, 1]))),
  huge: module(section(5, list([0, ...leb(65537)]))),
};

const ALL_BYTES = JSON.stringify({ ...MODULES, starting: MODULES.starting(false), trapping: MODULES.starting(true) });

/** A check with `bytes(name)` of a module, `pages()` that are counted, and `nameOf(call)`, the error that it throws. */
const check = (title, body, ...expected) => [
  title,
  new Function(`return async () => {
    const bytes = ((all) => (key) => new Uint8Array(all[key]))(${ALL_BYTES});
    const pages = () => inside.wasmBytes() / 65536;
    const nameOf = async (call) => { try { await call(); } catch (error) { return error.name; } };
    ${body}
  }`)(),
  ...expected,
];

export const WEBASSEMBLY = [
  check("a memory is counted and grows", `
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 10 });
    const seen = [pages()];
    memory.grow(3);
    seen.push(pages());
    const another = new WebAssembly.Memory({ initial: 1 });
    return [...seen, pages(), memory instanceof WebAssembly.Memory, memory.constructor === WebAssembly.Memory,
      memory.buffer.byteLength, another.buffer.byteLength];
  `, [2, 5, 6, true, true, 5 * 65536, 65536]),
  check("nothing is counted without memory",
    "new WebAssembly.Instance(new WebAssembly.Module(bytes('empty'))); return pages();", 0),
  check("garbage is not counted for ever", `
    const before = [];
    for (let i = 0; i < 5; i++) before.push(new WebAssembly.Memory({ initial: 16 }).buffer.byteLength);
    const counted = pages();
    for (let i = 0; i < 400 && pages() === counted; i++) {
      await null;
      new WebAssembly.Memory({ initial: 16 });
      for (let j = 0; j < 20; j++) new Uint8Array(1 << 20).fill(1);
    }
    return [counted, pages() < counted + 400 * 16];
  `, [80, true]),
  ...["hidden", "exported"].map((key) => check(`the memory inside a module is counted: ${key}`, `
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes("${key}")));
    return [pages(), exports.grow(2), pages(), exports.load(0), exports.load(1), Object.keys(exports)];
  `, [1, 1, 3, 0x68, 0x69, key === "hidden" ? ["grow", "load"] : ["grow", "load", "memory"]])),
  check("the Worker is not told of the rewriting", `
    const module = new WebAssembly.Module(bytes("exported"));
    const { exports } = new WebAssembly.Instance(module, undefined);
    return [WebAssembly.Module.imports(module), WebAssembly.Module.exports(module),
      WebAssembly.Module.customSections(module, "note").length,
      Object.isFrozen(exports), exports.memory instanceof WebAssembly.Memory, exports.memory.buffer.byteLength,
        new Uint8Array(exports.memory.buffer, 0, 2)];
  `),
  check("a memory only", `
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes("onlyMemory")));
    return [pages(), Object.keys(exports)];
  `, [2, []]),
  check("imports of a module stay what they were", `
    const module = new WebAssembly.Module(bytes("importing"));
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(module, { env: { call() {}, m: memory } });
    return [WebAssembly.Module.imports(module), exports.theirs === memory, exports.own.buffer.byteLength,
      exports.grow(1), exports.own.buffer.byteLength, memory.buffer.byteLength];
  `),
  check("both are counted", `
    const memory = new WebAssembly.Memory({ initial: 1 });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes("importing")),
      { env: { call() {}, m: memory } });
    return [pages(), instance.exports.own.buffer.byteLength];
  `, [4, 3 * 65536]),
  check("imports that are missing", `
    const module = new WebAssembly.Module(bytes("importing"));
    return Promise.all([undefined, null, 5, {}, { env: 1 }, { env: {} }, { env: { call: 1, m: 2 } }].map((imports) =>
      nameOf(() => new WebAssembly.Instance(module, imports))));
  `),
  check("imports are read once each", `
    const seen = [];
    const env = { get call() { seen.push("call"); return () => {}; }, get m() { seen.push("m");
      return new WebAssembly.Memory({ initial: 1 }); } };
    new WebAssembly.Instance(new WebAssembly.Module(bytes("importing")),
      { get env() { seen.push("env"); return env; } });
    return seen;
  `),
  check("counted before the first instruction", `
    let during = 0;
    new WebAssembly.Instance(new WebAssembly.Module(bytes("starting")), { env: { call() { during = pages(); } } });
    return during;
  `, 5),
  check("counted even where the module traps at its start", `
    let during = 0;
    const name = await nameOf(() => new WebAssembly.Instance(new WebAssembly.Module(bytes("trapping")),
      { env: { call() { during = pages(); } } }));
    return [during, name];
  `, [5, "RuntimeError"]),
  check("asynchronous ways", `
    const compiled = await WebAssembly.compile(bytes("hidden"));
    const first = await WebAssembly.instantiate(compiled);
    const { module, instance } = await WebAssembly.instantiate(bytes("hidden").buffer);
    return [pages(), first instanceof WebAssembly.Instance, module instanceof WebAssembly.Module,
      instance.exports.grow(1), pages(),
      WebAssembly.Module.imports(module).length, WebAssembly.Module.imports(compiled).length];
  `, [2, true, true, 1, 3, 0, 0]),
  check("a module from the host", `
    const module = inside.makeWasmModule(bytes("hidden"));
    const { exports } = new WebAssembly.Instance(module);
    return [module instanceof WebAssembly.Module, WebAssembly.Module.imports(module).length, pages(), exports.load(0)];
  `, [true, 0, 1, 0x68]),
  check("every instance has a memory of its own", `
    const module = new WebAssembly.Module(bytes("hidden"));
    const [a, b] = [new WebAssembly.Instance(module), new WebAssembly.Instance(module)];
    a.exports.grow(3);
    return [b.exports.grow(0), pages()];
  `, [1, 5]),
  check("64-bit memories", `
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes("wide")));
    const own = new WebAssembly.Memory({ initial: 1n, maximum: 2n, address: "i64" });
    return [exports.memory.buffer.byteLength / 65536, pages(), own.buffer.byteLength];
  `, [2, 3, 65536]),
  check("no shared memory", `
    return Promise.all([
      () => new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }),
      () => new WebAssembly.Memory({ initial: 1, maximum: 2, get shared() { return 1; } }),
      () => new WebAssembly.Module(bytes("shared")),
      () => WebAssembly.compile(bytes("shared")),
      () => WebAssembly.instantiate(bytes("shared")),
      () => WebAssembly.instantiate(bytes("sharedImport"),
        { env: { m: new WebAssembly.Memory({ initial: 1, maximum: 2 }) } }),
    ].map(nameOf).concat(String(WebAssembly.validate(bytes("shared"))), typeof SharedArrayBuffer));
  `, ["TypeError", "TypeError", "CompileError", "CompileError", "CompileError", "LinkError", "false", "undefined"]),
  check("a getter of a descriptor cannot say two things", `
    let reads = 0;
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, get shared() { return ++reads > 1; } });
    return [reads, Object.prototype.toString.call(memory.buffer)];
  `, [1, "[object ArrayBuffer]"]),
  ...["twoMemorySections", "importsAfterMemory", "truncated", "unknownLimits",
    "huge"].map((key) => check(`a malformed module is refused: ${key}`, `
    return [WebAssembly.validate(bytes("${key}")), await nameOf(() => new WebAssembly.Module(bytes("${key}"))),
      await nameOf(() => WebAssembly.compile(bytes("${key}"))),
      await nameOf(() => WebAssembly.instantiate(bytes("${key}")))];
  `)),
  ...["undefined", "5", "'text'", "[]", "new Uint8Array(3)",
    "new Uint8Array([0, 97, 115, 109, 1, 0, 0])"].map((given) => check(`what is no module: ${given}`, `
    return [await nameOf(() => new WebAssembly.Module(${given})), await nameOf(() => WebAssembly.compile(${given})),
      await nameOf(() => WebAssembly.instantiate(${given})),
      await nameOf(() => new WebAssembly.Instance(${given}))];
  `)),
  check("shapes are V8's", `
    const describe = (holder) => Object.getOwnPropertyNames(holder).sort().filter((key) =>
      !/Streaming|promising|Suspend|JSTag|arguments|caller/.test(key)).map((key) => {
      const { value, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(holder, key);
      return [key, typeof value === "function" ? value.name + value.length : typeof value, writable, enumerable,
        configurable].join();
    });
    return [WebAssembly, WebAssembly.Memory, WebAssembly.Module, WebAssembly.Instance,
      WebAssembly.Memory.prototype].map(describe);
  `),
  check("they are constructors only", `
    return Promise.all(["Memory", "Module", "Instance"].map((key) => nameOf(() => WebAssembly[key](bytes("empty")))));
  `),
  check("subclasses", `
    class Mine extends WebAssembly.Memory {}
    const memory = new Mine({ initial: 1 });
    return [memory instanceof Mine, memory instanceof WebAssembly.Memory, globalThis.inside ? pages() : 1];
  `),
  check("no streaming, as it would need fetch",
    "return [typeof WebAssembly.compileStreaming, typeof WebAssembly.instantiateStreaming];",
    ["undefined", "undefined"]),
  check("V8's own constructors are out of reach", `
    const module = new WebAssembly.Module(bytes("exported"));
    const { memory } = new WebAssembly.Instance(module).exports;
    return [memory.constructor === WebAssembly.Memory, module.constructor === WebAssembly.Module,
      Object.getPrototypeOf(WebAssembly.Memory) === Function.prototype,
      new WebAssembly.Instance(module).constructor === WebAssembly.Instance];
  `, [true, true, true, true]),
];
