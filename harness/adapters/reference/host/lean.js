"use strict";

// The lean prelude: what every Worker needs, and the rest in pieces. lean.json in the prelude's folder says what is in
// which piece, and this which Workers are given which. A piece:
//
// - `files`, in their order, in a scope of their own; `needs`: pieces to be taken before
// - what others may use of it: `values`, when they have said `need` of the piece; `unless`, functions by what they are as
//   long as nobody took it
// - `globals`: what of it is global; with `words`, what the source of a Worker says that needs the piece from the start
//
// `whole`: what the source of a Worker says that needs the whole prelude.

const fs = require("node:fs");
const path = require("node:path");

const { entranceSource, filesSource, shortened } = require("./sources.js");

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
   * @param {{ core: string[], pieces: Record<string, Described>, whole: string[] }} described
   */
  constructor(folder, nodeModules, { core, pieces, whole }) {
    const described = Object.entries(pieces);
    const source = (/** @type {string[]} */ files) => filesSource(folder, nodeModules, files);
    const declared = described.map(([, piece]) => declarations(piece)).join("");
    this.source = coreSource(source(core), declared);
    /** @type {Map<string, Piece>} */
    this.pieces = new Map(
      described.map(([name, piece]) => {
        const text = pieceSource(piece, source(piece.files));
        return [name, { name, globals: (piece.globals ?? []).join(), text }];
      }),
    );
    this.needs = new Map(described.map(([name, piece]) => [name, piece.needs ?? []]));
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
  const inside = `"use strict";\n${declared}${shortened(files)}`;
  return `((eval) => {\n(() => {\n${inside}})();\n})(globalThis.eval);\n${shortened(entranceSource())}`;
}

/** Its value is an object of all that the piece gives. @param {Described} piece @param {string} files */
function pieceSource({ needs = [], unless = {}, values = [], globals = [] }, files) {
  const given = [...new Set([...Object.keys(unless), ...values])];
  const first = needs.map((name) => `need("${name}");\n`).join("");
  const all = [...new Set([...given, ...globals])].join(", ");
  const value = `(() => {\n${files}\nreturn { __proto__: null, ${all} };\n})()`;
  return `"use strict";\n${first}({ ${given.join(", ")} } = ${value});\n//# sourceURL=isomark:prelude\n`;
}

module.exports = { Lean };
