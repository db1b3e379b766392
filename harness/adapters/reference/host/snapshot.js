"use strict";

// The prelude, baked into a V8 snapshot: every isolate starts with it already run.

const fs = require("node:fs");
const path = require("node:path");

const STREAMS = "web-streams-polyfill";
const WARM_UP = "warm.js";

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
  return `(() => {\n"use strict";\n${parts.join("\n")}\n})();\n`;
}

/** @param {string} nodeModules */
function streamsSource(nodeModules) {
  const ponyfill = fs.readFileSync(path.join(nodeModules, STREAMS, "dist", "ponyfill.js"), "utf8");
  const body = `const exports = {}, module = { exports };\n${ponyfill}\nreturn module.exports;`;
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
  const script = { code: preludeSource(folder, nodeModules), filename: "isomark:prelude" };
  const warmUp = path.join(folder, WARM_UP);
  return ivm.Isolate.createSnapshot([script], fs.existsSync(warmUp) ? fs.readFileSync(warmUp, "utf8") : undefined);
}

module.exports = { makeSnapshot };
