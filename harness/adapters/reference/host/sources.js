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

/**
 * The same program in fewer characters: without comments that stand alone on their lines, and without indentation.
 * Throws for what has a text over several lines, where that would not be the same.
 * @param {string} source
 */
function shortened(source) {
  const lines = [];
  let isComment = false;
  for (const line of source.split("\n")) {
    const text = line.trim();
    if (!isComment && text.startsWith("/*")) isComment = true;
    else if (!isComment && text !== "" && !text.startsWith("//")) {
      if ((text.split("`").length - 1) % 2 !== 0) throw new Error(`a text over several lines: ${text}`);
      lines.push(text);
    }
    if (isComment && text.includes("*/")) {
      if (!text.endsWith("*/")) throw new Error(`code behind a comment: ${text}`);
      isComment = false;
    }
  }
  return `${lines.join("\n")}\n`;
}

module.exports = { entranceSource, filesSource, inStrictScope, shortened, streamsSource, wholeSource };
