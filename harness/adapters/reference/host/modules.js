"use strict";

// A Worker's modules: which there are, what they import, and how they are compiled and linked. None of the Worker's
// code runs here; WebAssembly modules are compiled, and the platform's own module is run.

const BIG_SOURCE_LENGTH = 262144;
const PLATFORM_MODULE = "cloudflare:workers";
/** A global that is there only while one of the host's own modules is run, before any code of the Worker's is. */
const HANDED_OVER = "__isomark_handed_over";
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** What is wrong with the Worker's modules, for its author. */
class Refused extends Error {
  /** @param {string} message @param {string} name */
  constructor(message, name = "Error") {
    super(message);
    this.name = name;
    this.stack = "";
  }
}

/**
 * The entry: a module of the host's that gives the main module's namespace away once that has run to its end.
 * @param {string} main
 */
const entrySource = (main) => `import * as all from ${JSON.stringify(main)};\nexport const main = all;\n`;
const ENTRY_NAME = "isomark:entry";

class Modules {
  /**
   * @param {import("./starting.js").Inside} inside
   * @param {{ modules: Record<string, string>, wasm?: Record<string, string> }} code
   */
  constructor(inside, code) {
    this.inside = inside;
    this.sources = new Map(Object.entries(code.modules));
    this.wasm = new Map(Object.entries(code.wasm ?? {}));
    /** @type {Map<string, import("isolated-vm").Module>} */
    this.compiled = new Map();
    /** @type {Map<import("isolated-vm").Module, Map<string, import("isolated-vm").Module>>} */
    this.links = new Map();
    this.big = false;
  }

  /**
   * Compile and link everything that main reaches. Rejects with the engine's SyntaxError, or `Refused`.
   * @param {string} main
   * @returns {Promise<import("isolated-vm").Module>} the entry, not evaluated yet
   */
  async link(main) {
    const entry = await this.compile(entrySource(main), ENTRY_NAME);
    this.links.set(entry, new Map([[main, await this.reach(main, null, main)]]));
    const resolve = (/** @type {string} */ specifier, /** @type {import("isolated-vm").Module} */ importer) =>
      /** @type {import("isolated-vm").Module} */ (this.links.get(importer)?.get(specifier));
    if (this.big) await entry.instantiate(this.inside.context, resolve);
    else entry.instantiateSync(this.inside.context, resolve);
    return entry;
  }

  /** @param {string | null} name @param {string | null} importer @param {string} specifier */
  async reach(name, importer, specifier) {
    const known = name === null ? undefined : this.compiled.get(name);
    if (known !== undefined) return known;
    if (name !== null && this.wasm.has(name)) return this.keep(name, await this.compileWasm(name));
    const source = name === null ? undefined : this.sources.get(name);
    if (name === null || source === undefined) {
      const where = importer === null ? "" : ` imported from ${JSON.stringify(importer)}`;
      throw new Refused(`No such module ${JSON.stringify(specifier)}${where}.`);
    }
    const module = this.keep(name, await this.compile(source, name));
    const links = new Map();
    this.links.set(module, links);
    for (const wanted of module.dependencySpecifiers) links.set(wanted, await this.dependency(wanted, name));
    return module;
  }

  /** @param {string} specifier @param {string} importer */
  async dependency(specifier, importer) {
    if (specifier === PLATFORM_MODULE) {
      return this.compiled.get(specifier) ?? this.keep(specifier, this.compilePlatform());
    }
    return this.reach(resolved(specifier, importer), importer, specifier);
  }

  /** @param {string} name @param {import("isolated-vm").Module} module */
  keep(name, module) {
    this.compiled.set(name, module);
    return module;
  }

  /** @param {string} source @param {string} filename */
  async compile(source, filename) {
    if (source.length <= BIG_SOURCE_LENGTH) return this.inside.vm.compileModuleSync(source, { filename });
    this.big = true;
    return this.inside.vm.compileModule(source, { filename });
  }

  compilePlatform() {
    const { names, object } = this.inside.platform();
    const exported = names.filter((name) => IDENTIFIER.test(name) && name !== "default").join(", ");
    const source = `const all = globalThis.${HANDED_OVER};\nexport const { ${exported} } = all;\nexport default all;`;
    return this.compileAround(object, source, PLATFORM_MODULE);
  }

  /** @param {string} name */
  async compileWasm(name) {
    const bytes = Buffer.from(/** @type {string} */ (this.wasm.get(name)), "base64");
    try {
      const compiled = await this.inside.compileWasm(bytes, bytes.length > BIG_SOURCE_LENGTH);
      return this.compileAround(compiled, `export default globalThis.${HANDED_OVER};`, name);
    } catch (error) {
      throw new Refused(`${JSON.stringify(name)}: ${/** @type {Error} */ (error).message}`, "CompileError");
    }
  }

  /**
   * A module that exports what there is already.
   * @param {import("isolated-vm").Reference} object
   * @param {string} source
   * @param {string} filename
   */
  compileAround(object, source, filename) {
    const { context, vm } = this.inside;
    const module = vm.compileModuleSync(source, { filename });
    module.instantiateSync(context, noImports);
    context.global.setSync(HANDED_OVER, object.derefInto());
    module.evaluateSync();
    context.global.deleteSync(HANDED_OVER);
    return module;
  }
}

const noImports = () => {
  throw new Error("a module of the host's imports nothing");
};

/**
 * The name of the module that a relative specifier means; null when it means none.
 * @param {string} specifier
 * @param {string} importer
 */
function resolved(specifier, importer) {
  if (!/^\.\.?\//.test(specifier)) return null;
  const path = importer.split("/").slice(0, -1);
  for (const step of specifier.split("/")) {
    if (step === "..") {
      if (path.length === 0) return null;
      path.pop();
    } else if (step !== ".") {
      path.push(step);
    }
  }
  return path.join("/");
}

module.exports = { Modules, Refused };
