// WebAssembly memory is not in V8's statistics, so it is counted here: every memory is made by `trackedMemory`.
//
// A memory that a module defines inside would be out of sight. So the module's bytes are rewritten: each memory it
// defines becomes one it imports, last in the import section, which leaves every index as it was. Instantiation then
// supplies tracked memories of the declared limits, and the Worker is not told of these imports. A memory is counted
// from before the module's first instruction, whether or not instantiation succeeds.

/** Makes the WebAssembly object of this context count; V8 makes it with the context, too late for the snapshot. */
let installWebAssembly;
/** A module from the host, for an import of a .wasm file. @type {(bytes: Uint8Array) => object} */
let makeWasmModule;
/** Bytes of all linear memories alive. @type {() => number} */
let wasmBytes = () => 0;

/** Under this module name a rewritten module asks for the memories it defined. */
const MEMORY_IMPORT = "isomark:memory";
const MEMORY_KEYS = ["initial", "minimum", "maximum", "shared", "address", "index"];
const SECTION = { custom: 0, type: 1, import: 2, memory: 5 };

class MalformedModule extends Error {}

/** Reads a WebAssembly binary from the start; throws MalformedModule at what it does not understand. */
class WasmReader {
  at = 0;
  #bytes;
  #end;
  constructor(bytes, at = 0, end = typedArrayLength(bytes)) {
    this.#bytes = bytes;
    this.#end = end;
    this.at = at;
  }
  get isAtEnd() {
    return this.at >= this.#end;
  }
  byte() {
    if (this.at >= this.#end) throw new MalformedModule();
    return this.#bytes[this.at++];
  }
  /** An unsigned LEB128 number of up to 64 bits. @returns {bigint} */
  number() {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedModule();
  }
  /** The same where it must fit into the module. */
  size() {
    const value = this.number();
    if (value > 0xffffffffn) throw new MalformedModule();
    return Number(value);
  }
  skip(length) {
    this.at += length;
    if (this.at > this.#end) throw new MalformedModule();
  }
}

/** Bytes on their way to a rewritten module. */
class WasmWriter {
  #pieces = [];
  #length = 0;
  put(piece) {
    append(this.#pieces, piece);
    this.#length += typedArrayLength(piece);
  }
  byte(value) {
    const piece = new Uint8Array(1);
    piece[0] = value;
    this.put(piece);
  }
  size(value) {
    for (; value > 0x7f; value = mathFloor(value / 128)) this.byte((value % 128) | 0x80);
    this.byte(value);
  }
  text(value) {
    const bytes = utf8Encode(value);
    this.size(typedArrayLength(bytes));
    this.put(bytes);
  }
  section(id, body) {
    this.byte(id);
    this.size(body.#length);
    this.put(body.bytes());
  }
  bytes() {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (let i = 0; i < this.#pieces.length; i++) {
      typedArraySet(bytes, this.#pieces[i], at);
      at += typedArrayLength(this.#pieces[i]);
    }
    return bytes;
  }
}

/** The sections of a module: `{id, from, body, to}`, `from` at the id, `body` after the length. */
const wasmSections = (bytes) => {
  const reader = new WasmReader(bytes);
  reader.skip(8);
  const sections = [];
  while (!reader.isAtEnd) {
    const from = reader.at;
    const id = reader.byte();
    const length = reader.size();
    const body = reader.at;
    reader.skip(length);
    append(sections, { __proto__: null, id, from, body, to: reader.at });
  }
  return sections;
};

/** The limits of memories, from the body of a memory section. Bit 0: has a maximum, 1: shared, 2: 64-bit addresses. */
const wasmLimits = (bytes, section) => {
  const reader = new WasmReader(bytes, section.body, section.to);
  const count = reader.size();
  const limits = [];
  for (let i = 0; i < count; i++) {
    const from = reader.at;
    const flags = reader.byte();
    if (flags > 7) throw new MalformedModule();
    const initial = reader.number();
    const maximum = flags & 1 ? reader.number() : null;
    const encoded = viewOf(bytes, from, reader.at);
    const isShared = (flags & 2) !== 0;
    append(limits, { __proto__: null, isShared, is64: (flags & 4) !== 0, initial, maximum, encoded });
  }
  if (!reader.isAtEnd) throw new MalformedModule();
  return limits;
};

/**
 * A module whose own memories are imports instead.
 * @returns {{bytes: Uint8Array, limits: Array<object>}} `limits` of the memories it will ask for
 */
const rewriteModule = (bytes) => {
  const sections = wasmSections(bytes);
  let limits = [];
  for (let i = 0; i < sections.length; i++) {
    if (sections[i].id !== SECTION.memory) continue;
    if (limits.length > 0) throw new MalformedModule();
    limits = wasmLimits(bytes, sections[i]);
  }
  if (limits.length === 0) return { bytes, limits };
  const writer = new WasmWriter();
  writer.put(viewOf(bytes, 0, 8));
  let written = false;
  const putImports = (section) => {
    const body = new WasmWriter();
    const reader = section === null ? null : new WasmReader(bytes, section.body, section.to);
    body.size((reader === null ? 0 : reader.size()) + limits.length);
    if (reader !== null) body.put(viewOf(bytes, reader.at, section.to));
    for (let i = 0; i < limits.length; i++) {
      body.text(MEMORY_IMPORT);
      body.text(`${i}`);
      body.byte(2);
      body.put(limits[i].encoded);
    }
    writer.section(SECTION.import, body);
    written = true;
  };
  for (let i = 0; i < sections.length; i++) {
    const section = sections[i];
    const isBeforeImports = section.id === SECTION.custom || section.id === SECTION.type;
    if (written && section.id === SECTION.import) throw new MalformedModule();
    if (!written && !isBeforeImports) putImports(section.id === SECTION.import ? section : null);
    const isReplaced = section.id === SECTION.import || section.id === SECTION.memory;
    if (!isReplaced) writer.put(viewOf(bytes, section.from, section.to));
  }
  return { bytes: writer.bytes(), limits };
};

installWebAssembly = (WebAssembly) => {
  if (WebAssembly === undefined) return; // while a snapshot is warmed up
  const { Memory: RealMemory, Module: RealModule, Instance: RealInstance, CompileError } = WebAssembly;
  const { validate } = WebAssembly;
  const { imports: realImports } = RealModule;
  const memoryBuffer = uncurryGetter(RealMemory.prototype, "buffer");

  /** @type {Array<WeakRef<object>>} */
  let memories = [];
  const track = (memory) => {
    append(memories, new WeakRef(memory));
    return memory;
  };
  wasmBytes = () => {
    if (memories.length === 0) return 0;
    const alive = [];
    let bytes = 0;
    for (let i = 0; i < memories.length; i++) {
      const memory = weakRefDeref(memories[i]);
      if (memory === undefined) continue;
      append(alive, memories[i]);
      bytes += arrayBufferByteLength(memoryBuffer(memory));
    }
    memories = alive;
    return bytes;
  };

  /** A memory of the limits a module declares. */
  const trackedMemory = ({ initial, maximum, is64 }) => {
    const convert = is64 ? (value) => value : Number;
    const descriptor = { __proto__: null, initial: convert(initial), address: is64 ? "i64" : "i32" };
    if (maximum !== null) descriptor.maximum = convert(maximum);
    return track(new RealMemory(descriptor));
  };

  /** The limits of the memories a module made here asks for, by module. */
  const limitsOf = new WeakMap();

  /** Rewritten bytes of a module, or the bytes as they are for V8 to complain about. */
  const prepare = (source, where) => {
    const bytes = new Uint8Array(bytesOf(source, where));
    let rewritten;
    try {
      rewritten = rewriteModule(bytes);
    } catch (error) {
      if (!(error instanceof MalformedModule)) throw error;
      if (!validate(bytes)) return { bytes, limits: [] };
      throw new CompileError(`${where}: the sections are not understood here, so memory could not be counted`);
    }
    for (let i = 0; i < rewritten.limits.length; i++) {
      if (rewritten.limits[i].isShared) throw new CompileError(`${where}: shared memory is disallowed`);
    }
    return rewritten;
  };
  const remember = (module, limits) => {
    if (limits.length > 0) weakMapSet(limitsOf, module, limits);
    return module;
  };
  const makeModule = ({ bytes, limits }) => remember(new RealModule(bytes), limits);
  makeWasmModule = (bytes) => makeModule(prepare(bytes, "WebAssembly.Module()"));

  /** The import object for a module, with what it is not known to import put in. */
  const importsFor = (module, given) => {
    const limits = weakMapGet(limitsOf, module);
    if (limits === undefined || (given !== undefined && !isObject(given))) return given;
    const complete = { __proto__: null };
    const descriptors = realImports(module);
    const own = descriptors.length - limits.length;
    for (let i = 0; i < own; i++) {
      const from = descriptors[i].module;
      if (!isObject(given)) return given; // V8 complains
      const source = given[from];
      if (!isObject(source)) {
        complete[from] = source;
        continue;
      }
      complete[from] ??= { __proto__: null };
      complete[from][descriptors[i].name] = source[descriptors[i].name];
    }
    complete[MEMORY_IMPORT] ??= { __proto__: null };
    for (let i = 0; i < limits.length; i++) complete[MEMORY_IMPORT][`${i}`] = trackedMemory(limits[i]);
    return complete;
  };

  const makeInstance = (module, imports) => new RealInstance(module, importsFor(module, imports));

  /** Puts a function in the place of one of V8's: same name, same prototype, so `instanceof` holds. */
  const replace = (holder, name, replacement) => {
    const original = holder[name];
    defineProperty(replacement, "name", { __proto__: null, value: original.name, configurable: true });
    defineProperty(replacement, "length", { __proto__: null, value: original.length, configurable: true });
    const { prototype } = original;
    if (prototype !== undefined) {
      defineProperty(replacement, "prototype", { __proto__: null, value: prototype, writable: false });
      defineProperty(prototype, "constructor", hidden(replacement));
    }
    defineProperty(holder, name, { ...getOwnPropertyDescriptor(holder, name), value: replacement });
    return replacement;
  };
  const mustBeNew = (target, name) => {
    if (target === undefined) throw new TypeError(`WebAssembly.${name} must be invoked with 'new'`);
  };

  replace(WebAssembly, "Memory", function Memory(descriptor) {
    mustBeNew(new.target, "Memory");
    let given = descriptor;
    if (isObject(descriptor)) {
      // Read once: a getter must not say one thing here and another to V8.
      given = { __proto__: null };
      for (let i = 0; i < MEMORY_KEYS.length; i++) given[MEMORY_KEYS[i]] = descriptor[MEMORY_KEYS[i]];
      if (given.shared) throw new TypeError("WebAssembly.Memory(): shared memory is disallowed");
      given.shared = undefined;
    }
    return track(reflectConstruct(RealMemory, [given], new.target));
  });
  const Module = replace(WebAssembly, "Module", function Module(bytes) {
    mustBeNew(new.target, "Module");
    const prepared = prepare(bytes, "WebAssembly.Module()");
    return remember(reflectConstruct(RealModule, [prepared.bytes], new.target), prepared.limits);
  });
  const statics = {
    imports(module) {
      const descriptors = realImports(module);
      const limits = weakMapGet(limitsOf, module);
      if (limits !== undefined) descriptors.length -= limits.length;
      return descriptors;
    },
  };
  for (const name of ["exports", "imports", "customSections"]) {
    defineProperty(Module, name, visible(statics[name] ?? RealModule[name]));
  }
  replace(WebAssembly, "Instance", function Instance(module, imports = undefined) {
    mustBeNew(new.target, "Instance");
    return reflectConstruct(RealInstance, [module, importsFor(module, imports)], new.target);
  });

  // V8 would compile on threads of its own and come back outside of any turn; so it compiles here, in a microtask.
  const methods = {
    validate(bytes) {
      try {
        return validate(prepare(bytes, "WebAssembly.validate()").bytes);
      } catch (error) {
        if (isPrototypeOf(CompileError.prototype, error)) return false;
        throw error;
      }
    },
    async compile(bytes) {
      const prepared = prepare(bytes, "WebAssembly.compile()");
      return await inMicrotask(() => makeModule(prepared));
    },
    async instantiate(source, imports = undefined) {
      if (isPrototypeOf(RealModule.prototype, source)) return await inMicrotask(() => makeInstance(source, imports));
      const prepared = prepare(source, "WebAssembly.instantiate()");
      return await inMicrotask(() => {
        const module = makeModule(prepared);
        return { module, instance: makeInstance(module, imports) };
      });
    },
  };
  for (const name of ["validate", "compile", "instantiate"]) replace(WebAssembly, name, methods[name]);
  deleteProperty(WebAssembly, "compileStreaming");
  deleteProperty(WebAssembly, "instantiateStreaming");
};
