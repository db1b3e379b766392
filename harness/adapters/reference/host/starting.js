"use strict";

// How an isolate comes into being: prelude, the Worker's modules, and what the prelude makes of them. Isolates of Workers
// that need little of it have the lean prelude: see lean.js.

const { Claims } = require("./claims.js");
const { Modules, Refused } = require("./modules.js");
const { nativesFor } = require("./native.js");
const { Pieces } = require("./pieces.js");

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
   * @param {Pieces | null} pieces of a lean prelude
   */
  constructor(ivm, vm, context, charge, pieces) {
    this.ivm = ivm;
    this.vm = vm;
    this.context = context;
    this.pieces = pieces;
    this.claims = new Claims();
    const claims = new ivm.ExternalCopy(this.claims.shared).copyInto({ release: true });
    const natives = nativesFor(ivm, charge, pieces === null ? {} : { piece: (name) => pieces.textOf(name) });
    const given = [vm, claims, ...natives];
    this.made = context.global.getSync(ENTRANCE, REFERENCE).applySync(undefined, given, REFERRED);
    [this.configure, this.deliver, this.drain] = ["configure", "deliver", "drain"].map((name) => this.taken(name));
  }

  /** @param {string} name */
  taken(name) {
    return this.made.getSync(name, REFERENCE);
  }

  /** Before any code of the Worker's runs. @param {import("./lean.js").Piece[]} pieces */
  take(pieces) {
    if (pieces.length === 0 || this.pieces === null) return;
    const takePiece = this.taken("takePiece");
    for (const { name, globals } of pieces) takePiece.applySync(undefined, [name, globals, this.pieces.textOf(name)]);
  }

  /** What only the start has a use for is not kept in every isolate. */
  started() {
    for (const each of [this.made, this.configure, this.context]) each.release();
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
 * @typedef {{ engineMib: number, isLean: boolean, owner: Owner, inside: Inside }} Spare
 */

/**
 * @typedef {{
 *   modules: Record<string, string>, wasm?: Record<string, string>, config: any, before?: string | null,
 * }} Code
 */

class Starter {
  /**
   * @param {typeof import("isolated-vm")} ivm
   * @param {import("./snapshot.js").Preludes} preludes
   * @param {import("./memory.js").Collector} collector
   * @param {() => boolean} isIdle whether nothing runs that making an isolate would hold up
   */
  constructor(ivm, preludes, collector, isIdle) {
    this.ivm = ivm;
    this.preludes = preludes;
    this.pieces = preludes.lean === null ? null : new Pieces(ivm, preludes.lean.prelude);
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
   * @param {Code} code that will run in it
   * @returns {Inside}
   */
  make(engineMib, onCatastrophe, charge, code) {
    const start = this.preludes.lean === null ? null : this.preludes.lean.prelude.startOf(code);
    const isLean = start !== null;
    const inside = this.blank(engineMib, isLean, { onCatastrophe, charge });
    if (isLean) inside.take(start);
    return inside;
  }

  /**
   * @param {number} engineMib
   * @param {boolean} isLean
   * @param {Owner} owner
   */
  blank(engineMib, isLean, owner) {
    const spare = this.spare;
    this.prepareSoon(engineMib, isLean);
    if (spare === null || spare.engineMib !== engineMib || spare.isLean !== isLean)
      return this.build(engineMib, isLean, owner).inside;
    this.spare = null;
    Object.assign(spare.owner, owner);
    return spare.inside;
  }

  /**
   * @param {number} engineMib
   * @param {boolean} isLean
   * @param {Owner} owner
   * @returns {Spare}
   */
  build(engineMib, isLean, owner) {
    const { ivm, preludes } = this;
    const onCatastrophicError = (/** @type {string} */ message) => owner.onCatastrophe(message);
    const snapshot = isLean && preludes.lean !== null ? preludes.lean.snapshot : preludes.whole;
    const vm = new ivm.Isolate({ memoryLimit: engineMib, snapshot, onCatastrophicError });
    try {
      const context = this.collector.hidden(() => vm.createContextSync());
      const pieces = isLean ? this.pieces : null;
      return { engineMib, isLean, owner, inside: new Inside(ivm, vm, context, (ns) => owner.charge(ns), pieces) };
    } catch (error) {
      vm.dispose();
      throw error;
    }
  }

  /** Have a blank isolate ready for the next Worker that needs one, made while nothing else runs. */
  prepareSoon(/** @type {number} */ engineMib, /** @type {boolean} */ isLean) {
    if (this.preparing) return;
    this.preparing = true;
    const prepare = () => {
      if (!this.isIdle()) {
        setTimeout(prepare, BETWEEN_LOOKS_MS);
        return;
      }
      this.preparing = false;
      if (this.spare?.engineMib === engineMib && this.spare.isLean === isLean) return;
      this.spare?.inside.vm.dispose();
      this.spare = this.build(engineMib, isLean, { onCatastrophe: () => {}, charge: () => {} });
    };
    setTimeout(prepare, BETWEEN_LOOKS_MS);
  }

  /** Throws when the prelude in a snapshot is not what an isolate can be made with. */
  tryOut() {
    const build = (/** @type {boolean} */ isLean) =>
      this.build(USUAL_MIB, isLean, { onCatastrophe: () => {}, charge: () => {} });
    this.spare = build(false);
    if (this.preludes.lean === null) return;
    this.spare.inside.vm.dispose();
    this.spare = build(true);
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
    const modules = new Modules(inside, code);
    const entry = await modules.link(main);
    /** @type {unknown} */
    let thrown;
    try {
      await entry.evaluate();
    } catch (error) {
      thrown = error; // by the modules, or in a promise of theirs that nobody handled: no reason to refuse them
    }
    if (vm.isDisposed) throw thrown;
    const { namespace } = entry;
    const exports = await inside.configure.apply(undefined, [namespace.derefInto(), JSON.stringify(code.config)]);
    if (exports === "") throw thrown ?? new Refused(NO_END);
    for (const each of [namespace, entry, ...modules.compiled.values()]) each.release();
    return exports;
  }
}

module.exports = { Inside, Starter };
