"use strict";

// The lean prelude: what every Worker needs, and the rest in pieces. lean.json in the prelude's folder says what is in
// which piece, and this which Workers are started with which. A piece:
//
// - `files`, in their order, in a scope of their own; `needs`: pieces taken before, whose names it can use
// - `values`: names that the others can use as well, when they have said `need` of the piece; `unless`: functions they can
//   use at any time, by what these are as long as nobody took the piece
// - `globals`: what of it is global; with `words`, what the source of a Worker says that needs the piece from the start
//
// `first`: the piece that all others need. `whole`: what the source of a Worker says that needs the whole prelude.

const fs = require("node:fs");
const path = require("node:path");

const { entranceSource, filesSource } = require("./sources.js");

/** More than that is sure to need most of the prelude. */
const LONGEST_SOURCE = 65536;
/** Of the pieces that one isolate is started with: evaluating more takes longer than making it with all. */
const MOST_AT_START = 65536;

/**
 * @typedef {{
 *   files: string[], needs?: string[], unless?: Record<string, string>, values?: string[],
 *   globals?: string[], words?: string[],
 * }} Described
 * @typedef {{ name: string, globals: string, text: string }} Piece
 */

/** @param {string[]} words patterns of identifiers */
const anyOf = (words) => new RegExp(`(?<![\\w$])(?:${words.join("|")})(?![\\w$])`);

class Lean {
  /**
   * The lean prelude of a folder; null when it has none.
   * @param {string} folder
   * @param {string} nodeModules
   */
  static of(folder, nodeModules) {
    const file = path.join(folder, "lean.json");
    return fs.existsSync(file) ? new Lean(folder, nodeModules, JSON.parse(fs.readFileSync(file, "utf8"))) : null;
  }

  /**
   * @param {string} folder
   * @param {string} nodeModules
   * @param {{ core: string[], first: string, pieces: Record<string, Described>, whole: string[] }} described
   */
  constructor(folder, nodeModules, { core, first, pieces, whole }) {
    const described = Object.entries(pieces);
    const source = (/** @type {string[]} */ files) => filesSource(folder, nodeModules, files);
    this.needs = new Map(
      described.map(([name, { needs = [] }]) => [name, name === first ? [] : [first, ...needs]]),
    );
    const sources = new Map(described.map(([name, { files }]) => [name, source(files)]));
    const declared = described.map(([, piece]) => declarations(piece)).join("");
    this.source = coreSource(source(core), declared);
    /** @type {Map<string, Piece>} */
    this.pieces = new Map(
      described.map(([name, piece]) => {
        const needed = this.withNeeds(name).slice(0, -1);
        const text = pieceSource(piece, /** @type {string} */ (sources.get(name)), new Set(needed), sources);
        return [name, { name, globals: (piece.globals ?? []).join(), text }];
      }),
    );
    this.starts = described
      .map(([name, { globals = [], words = [] }]) => ({ name, words: [...globals, ...words] }))
      .filter(({ words }) => words.length > 0)
      .map(({ name, words }) => ({ name, pattern: anyOf(words) }));
    this.most = MOST_AT_START;
    this.whole = new RegExp(`${anyOf(whole).source}|\\\\u`); // an escape may be part of any name
  }

  /**
   * What a Worker is to be started with; null: the whole prelude.
   * @param {import("./starting.js").Code} code
   * @returns {Piece[] | null}
   */
  startOf({ modules, wasm = {}, config, before }) {
    if (before || Object.keys(wasm).length > 0 || config.bindings?.length > 0) return null;
    const sources = Object.values(modules);
    if (sources.some((source) => source.length > LONGEST_SOURCE || this.whole.test(source))) return null;
    const named = this.starts.filter(({ pattern }) => sources.some((source) => pattern.test(source)));
    const all = new Set(named.flatMap(({ name }) => this.withNeeds(name)));
    const pieces = [...all].map((name) => this.piece(name));
    const isNamed = new Set(named.map(({ name }) => name));
    const length = pieces.reduce((sum, { text }) => sum + text.length, 0);
    if (length > this.most) return null;
    return pieces.map((piece) => (isNamed.has(piece.name) ? piece : { ...piece, globals: "" }));
  }

  /** @param {string} name @returns {string[]} what it needs, and last itself */
  withNeeds(name) {
    return [...(this.needs.get(name) ?? []).flatMap((each) => this.withNeeds(each)), name];
  }

  /** @param {string} name @returns {Piece} */
  piece(name) {
    const piece = this.pieces.get(name);
    if (piece === undefined) throw new Error(`no piece is called ${name}`);
    return piece;
  }
}

/** Names in the scope of all files, which the piece gives their values to. @param {Described} piece */
const declarations = ({ unless = {}, values = [] }) =>
  [...Object.entries(unless).map(([name, answer]) => `${name} = ${answer}`), ...values]
    .map((name) => `let ${name};\n`)
    .join("");

/**
 * A strict function within one that is not: only there can a parameter be called `eval`.
 * @param {string} files
 * @param {string} declared
 */
function coreSource(files, declared) {
  const inside = `"use strict";\n${declared}${files}`;
  return `((eval) => {\n(() => {\n${inside}})();\n})(globalThis.eval);\n${entranceSource()}`;
}

/** What is declared in files outside of all functions. @param {string} source @returns {string[]} */
function declaredIn(source) {
  const single = [...source.matchAll(/^(?:async )?(?:function\*?|class|const|let) ([\w$]+)/gm)].map(([, name]) => name);
  const lists = [...source.matchAll(/^let ([\w$]+(?:, [\w$]+)+);/gm), ...source.matchAll(/^const \{([^}]+)\} = /gm)];
  return [...new Set([...single, ...lists.flatMap(([, list]) => list.match(/[\w$]+(?=\s*(?:,|$))/g) ?? [])])];
}

/**
 * Its value is an object of all that is declared in it.
 * @param {Described} piece
 * @param {string} files
 * @param {Set<string>} needed
 * @param {Map<string, string>} sources of all pieces
 */
function pieceSource({ unless = {}, values = [] }, files, needed, sources) {
  const words = new Set(files.match(/[\w$]+/g));
  const before = [...needed].map((name) => {
    const used = declaredIn(/** @type {string} */ (sources.get(name))).filter((declared) => words.has(declared));
    return `need("${name}");\nconst { ${used.join(", ")} } = pieces["${name}"];\n`;
  });
  const all = `{ __proto__: null, ${declaredIn(files).join(", ")} }`;
  const value = `(() => {\n${before.join("")}${files}\nreturn ${all};\n})()`;
  return `"use strict";\n({ ${[...Object.keys(unless), ...values].join(", ")} } = ${value});\n//# sourceURL=isomark:prelude\n`;
}

module.exports = { Lean };
