"use strict";

// The prelude, baked into V8 snapshots: every isolate starts with it already run. There are two, the whole prelude and
// the lean one.

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const { Lean } = require("./lean.js");
const { minified } = require("./minified.js");
const { wholeSource } = require("./sources.js");

/** Scripts that run in a context of their own that is thrown away: see `snapshotOf`. */
const WARM_UP = "warm.js";
const LEAN_WARM_UP = "lean_warm.js";

/** @typedef {import("isolated-vm").ExternalCopy<ArrayBuffer>} Snapshot */
/** @typedef {{ whole: Snapshot, lean: { snapshot: Snapshot, prelude: Lean } | null }} Preludes */

/**
 * @param {typeof import("isolated-vm")} ivm
 * @param {string} folder
 * @param {string} nodeModules
 * @param {(kind: string, code: string, warmUp: string | undefined) => Snapshot} make
 * @returns {Preludes}
 */
function preludesBy(ivm, folder, nodeModules, make) {
  const whole = make("prelude", wholeSource(folder, nodeModules), textOf(path.join(folder, WARM_UP)));
  const prelude = Lean.of(folder, nodeModules);
  if (prelude === null) return { whole, lean: null };
  return { whole, lean: { prelude, snapshot: make("lean", prelude.source, textOf(path.join(folder, LEAN_WARM_UP))) } };
}

/**
 * @param {typeof import("isolated-vm")} ivm
 * @param {string} folder
 * @param {string} nodeModules
 */
const makePreludes = (ivm, folder, nodeModules) =>
  preludesBy(ivm, folder, nodeModules, (_kind, code, warmUp) => snapshotOf(ivm, code, warmUp, nodeModules));

/**
 * The warm-up runs in a context of its own that is thrown away: what it calls is in the snapshot as compiled code, what
 * it changes is not.
 * @param {typeof import("isolated-vm")} ivm
 * @param {string} code
 * @param {string | undefined} warmUp
 * @param {string} nodeModules
 */
const snapshotOf = (ivm, code, warmUp, nodeModules) =>
  ivm.Isolate.createSnapshot([{ code: minified(code, nodeModules), filename: "isomark:prelude" }], warmUp);

/** @param {string} file */
const textOf = (file) => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined);

/**
 * The same, made once and kept in files beside the node_modules folder: making them takes longer than all else at a start.
 * @param {typeof import("isolated-vm")} ivm
 * @param {string} folder
 * @param {string} nodeModules
 * @param {readonly string[]} madeWith what else they depend on
 */
const keptPreludes = (ivm, folder, nodeModules, madeWith) =>
  preludesBy(ivm, folder, nodeModules, (kind, code, warmUp) =>
    keptSnapshot(ivm, kind, code, warmUp, nodeModules, madeWith),
  );

/**
 * The file's name says what it was made of, as an engine that meets another one's snapshot ends its process.
 * @param {typeof import("isolated-vm")} ivm
 * @param {string} kind
 * @param {string} code
 * @param {string | undefined} warmUp
 * @param {string} nodeModules
 * @param {readonly string[]} madeWith
 * @returns {Snapshot}
 */
function keptSnapshot(ivm, kind, code, warmUp, nodeModules, madeWith) {
  const keptIn = path.dirname(nodeModules);
  const made = [process.version, process.versions.v8, process.platform, process.arch, ...madeWith, code, warmUp ?? ""];
  const name = `${kind}-${createHash("sha256").update(JSON.stringify(made)).digest("hex")}.snapshot`;
  try {
    const bytes = fs.readFileSync(path.join(keptIn, name));
    return new ivm.ExternalCopy(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  } catch {
    // Not kept yet. That it cannot be kept is no reason not to go on.
  }
  const snapshot = snapshotOf(ivm, code, warmUp, nodeModules);
  try {
    const isOld = new RegExp(`^${kind}-[0-9a-f]{64}\\.snapshot$`);
    for (const old of fs.readdirSync(keptIn)) if (isOld.test(old)) fs.rmSync(path.join(keptIn, old), { force: true });
    const partial = path.join(keptIn, `${name}.${process.pid}`);
    fs.writeFileSync(partial, new Uint8Array(/** @type {any} */ (snapshot).copy()));
    fs.renameSync(partial, path.join(keptIn, name));
  } catch {
    // As above.
  }
  return snapshot;
}

module.exports = { keptPreludes, makePreludes };
