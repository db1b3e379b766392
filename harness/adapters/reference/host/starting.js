"use strict";

// How an isolate comes into being: prelude, the Worker's modules, and what the prelude makes of them.

const { Modules, Refused } = require("./modules.js");
const { nativesFor, NATIVE_NAMES } = require("./native.js");

const PRELUDE = "__isomark";
const REFERENCE = /** @type {const} */ ({ reference: true });
const REFERRED = /** @type {const} */ ({ result: { reference: true } });
const SMALL_MIB = 32;
const NO_END = "its top-level await never ends";

/**
 * Runs in the isolate when the Worker's modules have run, but made before any of their code could change what it uses.
 * An empty text says that the main module has not run to its end.
 */
const CONFIGURE = `
const [prelude, define, names, natives] = [$0, Reflect.defineProperty, $1.split(","), [$2, $3, $4, $5]];
const { configure, prepareContext } = prelude;
if (prepareContext) prepareContext();
return (entry, config) => {
  let namespace;
  try { namespace = entry.main; } catch { return ""; }
  for (let index = 0; index < 4; index++) {
    const property = { __proto__: null, value: natives[index], writable: true, enumerable: false, configurable: true };
    if (!define(globalThis, names[index], property)) throw new TypeError("the global object is sealed");
  }
  return configure(namespace, config);
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
    [this.deliver, this.drain, this.drainBinary] = ["deliver", "drain", "drainBinary"].map((name) => this.taken(name));
    const names = NATIVE_NAMES.map((name) => `${PRELUDE}Host_${name}`).join();
    const given = [this.prelude.derefInto(), names, ...nativesFor(ivm, charge)];
    this.taken("configure");
    this.configure = context.evalClosureSync(CONFIGURE, given, REFERRED);
  }

  /** @param {string} name */
  taken(name) {
    const found = this.prelude.getSync(name, REFERENCE);
    if (found.typeof !== "function") throw new TypeError(`the prelude has no function ${name}`);
    return found;
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

class Starter {
  /**
   * @param {typeof import("isolated-vm")} ivm
   * @param {import("isolated-vm").ExternalCopy<ArrayBuffer>} snapshot
   * @param {import("./memory.js").Collector} collector
   */
  constructor(ivm, snapshot, collector) {
    this.ivm = ivm;
    this.snapshot = snapshot;
    this.collector = collector;
  }

  /**
   * @param {number} engineMib
   * @param {(message: string) => void} onCatastrophe
   * @param {(ns: number) => void} charge
   */
  make(engineMib, onCatastrophe, charge) {
    const { ivm, snapshot } = this;
    const vm = new ivm.Isolate({ memoryLimit: engineMib, snapshot, onCatastrophicError: onCatastrophe });
    try {
      return new Inside(ivm, vm, this.collector.hidden(() => vm.createContextSync()), charge);
    } catch (error) {
      vm.dispose();
      throw error;
    }
  }

  /** Throws when the prelude in the snapshot is not what an isolate can be made with. */
  tryOut() {
    const { vm } = this.make(SMALL_MIB, () => {}, () => {});
    vm.dispose();
  }

  /**
   * Run the Worker's modules, and let the prelude see them. Rejects with `Refused`, or what the engine or a module threw.
   * @param {Inside} inside
   * @param {string} main
   * @param {{ modules: Record<string, string>, wasm?: Record<string, string>, config: any, before?: string | null }} code
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
      thrown = error; // by the modules, or by a promise of theirs that nobody handled, which is no reason to refuse them
    }
    if (vm.isDisposed) throw thrown;
    const exports = await inside.configure.apply(undefined, [entry.namespace.derefInto(), JSON.stringify(code.config)]);
    if (exports === "") throw thrown ?? new Refused(NO_END);
    return exports;
  }
}

module.exports = { Inside, Starter };
