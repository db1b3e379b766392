"use strict";

// How an isolate comes into being: prelude, the Worker's modules, and what the prelude makes of them.

const { BEGUN, Claims, OPEN } = require("./claims.js");
const { Modules, Refused } = require("./modules.js");
const { nativesFor, NATIVE_NAMES } = require("./native.js");

const PRELUDE = "__isomark";
const REFERENCE = /** @type {const} */ ({ reference: true });
const REFERRED = /** @type {const} */ ({ result: { reference: true } });
const USUAL_MIB = 128;
const BETWEEN_LOOKS_MS = 4;
const NO_END = "its top-level await never ends";

/**
 * Runs in the isolate before any code of the Worker's could change what it uses. It makes the functions that the host
 * calls, by name:
 *
 * - `configure`, when the Worker's modules have run. An empty text says that the main module has not run to its end.
 * - `deliver`, a turn. One that the host has withdrawn is not begun.
 * - `drain`, what came of it: `CPU clock in ns, heap bytes, bytes outside it \n` and the prelude's text; an array of that
 *   and the bytes that leave, if there are any. Sizes are left out when the Worker has laid setters for their names.
 */
const CONFIGURE = `
const [prelude, define, names, natives] = [$0, Reflect.defineProperty, $1.split(","), [$2, $3, $4, $5]];
const [vm, claims, claim, hasOwn, heapOf] = [$6, new Int32Array($7), Atomics.compareExchange, Object.hasOwn, $6.getHeapStatisticsSync];
const [call, { configure, prepareContext, deliver, drain, drainBinary }] = [Reflect.apply, prelude];
const offerNatives = () => {
  for (let index = 0; index < 4; index++) {
    const property = { __proto__: null, value: natives[index], writable: true, enumerable: false, configurable: true };
    if (!define(globalThis, names[index], property)) throw new TypeError("the global object is sealed");
  }
};
if (prepareContext) {
  offerNatives();
  prepareContext();
}
const sizes = () => {
  const heap = call(heapOf, vm, []);
  if (!hasOwn(heap, "used_heap_size") || !hasOwn(heap, "externally_allocated_size")) return ",";
  return heap.used_heap_size + "," + heap.externally_allocated_size;
};
return {
  __proto__: null,
  configure(entry, config) {
    let namespace;
    try { namespace = entry.main; } catch { return ""; }
    if (!prepareContext) offerNatives();
    return configure(namespace, config);
  },
  deliver(place, kind, rid, id, text, nowMs, ended, bytes) {
    if (claim(claims, place, ${OPEN}, ${BEGUN}) === ${OPEN}) deliver(kind, rid, id, text, nowMs, ended, bytes);
  },
  drain() {
    const posts = drain();
    const binaries = drainBinary();
    const text = vm.cpuTime + "," + sizes() + "\\n" + posts;
    if (binaries.length === 0) return text;
    const parcel = [text];
    for (let index = 0; index < binaries.length; index += 1) {
      define(parcel, index + 1, { __proto__: null, value: binaries[index], enumerable: true });
    }
    return parcel;
  },
};`;

const COMPILE_WASM = "return $0.makeWasmModule ? $0.makeWasmModule(new Uint8Array($1)) : new WebAssembly.Module($1);";
const PLATFORM_NAMES = "return Object.keys($0).join();";

/** An isolate in which nothing but the prelude has run, and the prelude's functions. */
class Inside {
  /**
   * @param {typeof import("isolated-vm")} ivm
   * @param {import("isolated-vm").Isolate} vm
   * @param {import("isolated-vm").Context} context
   * @param {(ns: number) => void} charge
   */
  constructor(ivm, vm, context, charge) {
    this.ivm = ivm;
    this.vm = vm;
    this.context = context;
    const { global } = context;
    this.prelude = global.getSync(PRELUDE, REFERENCE);
    global.deleteSync(PRELUDE);
    this.claims = new Claims();
    const names = NATIVE_NAMES.map((name) => `${PRELUDE}Host_${name}`).join();
    const claims = new ivm.ExternalCopy(this.claims.shared).copyInto({ release: true });
    const given = [this.prelude.derefInto(), names, ...nativesFor(ivm, charge), vm, claims];
    for (const name of ["configure", "deliver", "drain", "drainBinary"]) this.require(name);
    const made = context.evalClosureSync(CONFIGURE, given, REFERRED);
    const taken = (/** @type {string} */ name) => made.getSync(name, REFERENCE);
    [this.configure, this.deliver, this.drain] = ["configure", "deliver", "drain"].map(taken);
    made.release();
  }

  /** @param {string} name */
  require(name) {
    const found = this.prelude.getSync(name, REFERENCE);
    if (found.typeof !== "function") throw new TypeError(`the prelude has no function ${name}`);
  }

  /** The object that `cloudflare:workers` exports, and its keys. */
  platform() {
    const object = this.prelude.getSync("workersModule", REFERENCE);
    return { names: this.context.evalClosureSync(PLATFORM_NAMES, [object.derefInto()]).split(","), object };
  }

  /**
   * A WebAssembly.Module. Rejects with the engine's CompileError.
   * @param {Buffer} bytes
   * @param {boolean} aside whether compiling it would take the host's thread for long
   * @returns {Promise<import("isolated-vm").Reference>}
   */
  async compileWasm(bytes, aside) {
    const copy = new this.ivm.ExternalCopy(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const given = [this.prelude.derefInto(), copy.copyInto()];
    if (aside) return this.context.evalClosure(COMPILE_WASM, given, REFERRED);
    return this.context.evalClosureSync(COMPILE_WASM, given, REFERRED);
  }
}

/**
 * @typedef {{ onCatastrophe: (message: string) => void, charge: (ns: number) => void }} Owner
 * @typedef {{ engineMib: number, owner: Owner, inside: Inside }} Spare
 */

/**
 * @typedef {{
 *   modules: Record<string, string>, wasm?: Record<string, string>, config: any, before?: string | null,
 * }} Code
 */

class Starter {
  /**
   * @param {typeof import("isolated-vm")} ivm
   * @param {import("isolated-vm").ExternalCopy<ArrayBuffer>} snapshot
   * @param {import("./memory.js").Collector} collector
   * @param {() => boolean} isIdle whether nothing runs that making an isolate would hold up
   */
  constructor(ivm, snapshot, collector, isIdle) {
    this.ivm = ivm;
    this.snapshot = snapshot;
    this.collector = collector;
    this.isIdle = isIdle;
    /** @type {Spare | null} */
    this.spare = null;
    this.preparing = false;
  }

  /**
   * @param {number} engineMib
   * @param {(message: string) => void} onCatastrophe
   * @param {(ns: number) => void} charge
   * @returns {Inside}
   */
  make(engineMib, onCatastrophe, charge) {
    const spare = this.spare;
    this.prepareSoon(engineMib);
    if (spare === null || spare.engineMib !== engineMib) return this.build(engineMib, { onCatastrophe, charge }).inside;
    this.spare = null;
    Object.assign(spare.owner, { onCatastrophe, charge });
    return spare.inside;
  }

  /**
   * @param {number} engineMib
   * @param {Owner} owner
   * @returns {Spare}
   */
  build(engineMib, owner) {
    const { ivm, snapshot } = this;
    const onCatastrophicError = (/** @type {string} */ message) => owner.onCatastrophe(message);
    const vm = new ivm.Isolate({ memoryLimit: engineMib, snapshot, onCatastrophicError });
    try {
      const context = this.collector.hidden(() => vm.createContextSync());
      return { engineMib, owner, inside: new Inside(ivm, vm, context, (ns) => owner.charge(ns)) };
    } catch (error) {
      vm.dispose();
      throw error;
    }
  }

  /** Have a blank isolate ready for the next Worker that needs one, made while nothing else runs. */
  prepareSoon(/** @type {number} */ engineMib) {
    if (this.preparing) return;
    this.preparing = true;
    const prepare = () => {
      if (!this.isIdle()) {
        setTimeout(prepare, BETWEEN_LOOKS_MS);
        return;
      }
      this.preparing = false;
      if (this.spare?.engineMib === engineMib) return;
      this.spare?.inside.vm.dispose();
      this.spare = this.build(engineMib, { onCatastrophe: () => {}, charge: () => {} });
    };
    setTimeout(prepare, BETWEEN_LOOKS_MS);
  }

  /** Throws when the prelude in the snapshot is not what an isolate can be made with. */
  tryOut() {
    this.spare = this.build(USUAL_MIB, { onCatastrophe: () => {}, charge: () => {} });
  }

  /**
   * Run the Worker's modules, and let the prelude see them. Rejects with `Refused`, or what the engine or a module
   * threw.
   * @param {Inside} inside
   * @param {string} main
   * @param {Code} code
   * @returns {Promise<string>} what the prelude says of the exports, as JSON
   */
  async run(inside, main, code) {
    const { vm, context } = inside;
    if (code.before) await context.eval(code.before, { filename: "isomark:before" });
    const entry = await new Modules(inside, code).link(main);
    /** @type {unknown} */
    let thrown;
    try {
      await entry.evaluate();
    } catch (error) {
      thrown = error; // by the modules, or in a promise of theirs that nobody handled: no reason to refuse them
    }
    if (vm.isDisposed) throw thrown;
    const exports = await inside.configure.apply(undefined, [entry.namespace.derefInto(), JSON.stringify(code.config)]);
    if (exports === "") throw thrown ?? new Refused(NO_END);
    return exports;
  }
}

module.exports = { Inside, Starter };
