"use strict";

// The prelude, baked into a V8 snapshot: every isolate starts with it already run.

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const STREAMS = "web-streams-polyfill";
const ENTRANCE = path.join(__dirname, "entrance.js");
const WARM_UP = "warm.js";
const KEPT = /^prelude-[0-9a-f]{64}\.snapshot$/;

/** @param {string} source */
const inStrictScope = (source) => `(() => {\n"use strict";\n${source}\n})();\n`;

/**
 * One function scope around all files, in the order of the folder's order.json. The name "web-streams-polyfill" stands
 * for that package, whose exports the later files see as `streams`.
 * @param {string} folder
 * @param {string} nodeModules
 */
function preludeSource(folder, nodeModules) {
  const names = JSON.parse(fs.readFileSync(path.join(folder, "order.json"), "utf8"));
  const parts = names.map((/** @type {string} */ name) =>
    name === STREAMS ? streamsSource(nodeModules) : fs.readFileSync(path.join(folder, name), "utf8"),
  );
  return [parts.join("\n"), fs.readFileSync(ENTRANCE, "utf8")].map(inStrictScope).join("");
}

/** @param {string} nodeModules */
function streamsSource(nodeModules) {
  const ponyfill = fs.readFileSync(path.join(nodeModules, STREAMS, "dist", "ponyfill.js"), "utf8");
  // Of what is global it takes nothing but DOMException.
  const globals = 'const globalThis = { __proto__: null, DOMException: typeof DOMException === "function" && DOMException };';
  const body = `${globals}\nconst exports = {}, module = { exports };\n${ponyfill}\nreturn module.exports;`;
  return `const streams = (() => {\n${body}\n})();`;
}

/**
 * `warm.js`, if the folder has it, runs in a context of its own that is thrown away: what it calls is in the snapshot
 * as compiled code, what it changes is not.
 * @param {typeof import("isolated-vm")} ivm
 * @param {string} folder
 * @param {string} nodeModules
 */
function makeSnapshot(ivm, folder, nodeModules) {
  return snapshotOf(ivm, preludeSource(folder, nodeModules), warmUpOf(folder));
}

/** @param {typeof import("isolated-vm")} ivm @param {string} code @param {string | undefined} warmUp */
const snapshotOf = (ivm, code, warmUp) =>
  ivm.Isolate.createSnapshot([{ code, filename: "isomark:prelude" }], warmUp);

/** @param {string} folder */
function warmUpOf(folder) {
  const file = path.join(folder, WARM_UP);
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
}

/**
 * The same, made once and kept in a file beside the node_modules folder: making it takes longer than all else at a start.
 * The file's name says what it was made of, as an engine that meets another one's snapshot ends its process.
 * @param {typeof import("isolated-vm")} ivm
 * @param {string} folder
 * @param {string} nodeModules
 * @param {readonly string[]} madeWith what else it depends on
 * @returns {import("isolated-vm").ExternalCopy<ArrayBuffer>}
 */
function keptSnapshot(ivm, folder, nodeModules, madeWith) {
  const [code, warmUp] = [preludeSource(folder, nodeModules), warmUpOf(folder)];
  const made = [process.version, process.versions.v8, process.platform, process.arch, ...madeWith, code, warmUp ?? ""];
  const name = `prelude-${createHash("sha256").update(JSON.stringify(made)).digest("hex")}.snapshot`;
  const keptIn = path.dirname(nodeModules);
  try {
    const bytes = fs.readFileSync(path.join(keptIn, name));
    return new ivm.ExternalCopy(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  } catch {
    // Not kept yet. That it cannot be kept is no reason not to go on.
  }
  const snapshot = snapshotOf(ivm, code, warmUp);
  try {
    for (const old of fs.readdirSync(keptIn)) if (KEPT.test(old)) fs.rmSync(path.join(keptIn, old), { force: true });
    const partial = path.join(keptIn, `${name}.${process.pid}`);
    fs.writeFileSync(partial, new Uint8Array(/** @type {any} */ (snapshot).copy()));
    fs.renameSync(partial, path.join(keptIn, name));
  } catch {
    // As above.
  }
  return snapshot;
}

module.exports = { keptSnapshot, makeSnapshot, streamsSource };
