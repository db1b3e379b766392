"use strict";

// The same program in fewer characters. V8 keeps the source of what is in a snapshot in the heap of every isolate made
// from it: one byte a character, or two as soon as one of them is not Latin.

const path = require("node:path");

/** What scripts can see stays: names of functions and classes, and how many arguments they take. */
const OPTIONS = {
  compress: { arguments: false, keep_fargs: true, keep_infinity: true },
  mangle: true,
  keep_classnames: true,
  keep_fnames: true,
  format: { ascii_only: true, wrap_func_args: false, wrap_iife: false },
};

/**
 * @param {string} code
 * @param {string} nodeModules
 * @returns {string}
 */
function minified(code, nodeModules) {
  const { code: shorter } = require(path.join(nodeModules, "terser")).minify_sync(code, OPTIONS);
  return shorter;
}

module.exports = { minified };
