"use strict";

// How an isolate comes into being: prelude, the Worker's modules, and what the prelude makes of them.

const { Claims } = require("./claims.js");
const { Modules, Refused } = require("./modules.js");
const { nativesFor, NATIVE_NAMES } = require("./native.js");

const ENTRANCE = "__isomarkEntrance";
const REFERENCE = /** @type {const} */ ({ reference: true });
const REFERRED = /** @type {const} */ ({ result: { reference: true } });
const USUAL_MIB = 128;
const BETWEEN_LOOKS_MS = 4;
const NO_END = "its top-level await never ends";
const PLATFORM_NAMES = "return Object.keys($0).join();";

/** An isolate in which nothing but the prelude has run, and the functions by which the host enters it: entrance.js. */
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
    this.claims = new Claims();
    const claims = new ivm.ExternalCopy(this.claims.shared).copyInto({ release: true });
    const given = [vm, claims, NATIVE_NAMES.join(), ...nativesFor(ivm, charge)];
    this.made = context.global.getSync(ENTRANCE, REFERENCE).applySync(undefined, given, REFERRED);
    [this.configure, this.deliver, this.drain] = ["configure", "deliver", "drain"].map((name) => this.taken(name));
  }

  /** @param {string} name */
  taken(name) {
    return this.made.getSync(name, REFERENCE);
  }

  /** The object that `cloudflare:workers` exports, and its keys. */
  platform() {
    const object = this.taken("workersModule");
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
    const [compile, given] = [this.taken("compileWasm"), [copy.copyInto()]];
    return aside ? compile.apply(undefined, given, REFERRED) : compile.applySync(undefined, given, REFERRED);
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
