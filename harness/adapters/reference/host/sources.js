"use strict";

// The prelude's source: its files in one function scope.

const fs = require("node:fs");
const path = require("node:path");

const STREAMS = "web-streams-polyfill";
const ENTRANCE = path.join(__dirname, "entrance.js");

/** @param {string} source */
const inStrictScope = (source) => `(() => {\n"use strict";\n${source}\n})();\n`;

const entranceSource = () => inStrictScope(fs.readFileSync(ENTRANCE, "utf8"));

/**
 * One function scope around all files, in the order of the folder's order.json.
 * @param {string} folder
 * @param {string} nodeModules
 */
function wholeSource(folder, nodeModules) {
  const names = JSON.parse(fs.readFileSync(path.join(folder, "order.json"), "utf8"));
  return inStrictScope(filesSource(folder, nodeModules, names)) + entranceSource();
}

/**
 * Files one after another. The name "web-streams-polyfill" stands for that package, whose exports the later files see
 * as `streams`.
 * @param {string} folder
 * @param {string} nodeModules
 * @param {string[]} names
 */
const filesSource = (folder, nodeModules, names) =>
  names
    .map((name) => (name === STREAMS ? streamsSource(nodeModules) : fs.readFileSync(path.join(folder, name), "utf8")))
    .join("\n");

/** @param {string} nodeModules */
function streamsSource(nodeModules) {
  const ponyfill = fs.readFileSync(path.join(nodeModules, STREAMS, "dist", "ponyfill.js"), "utf8");
  // Of what is global it looks for nothing but DOMException.
  const exception = 'typeof DOMException === "function" ? DOMException : undefined';
  const before = `const globalThis = { __proto__: null, DOMException: ${exception} }, exports = {}, module = { exports };`;
  return `const streams = (() => { ${before}\n${ponyfill}\nreturn exports; })();`;
}

module.exports = { entranceSource, filesSource, inStrictScope, streamsSource, wholeSource };
