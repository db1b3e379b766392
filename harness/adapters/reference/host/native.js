"use strict";

// What the prelude lets the host do for it, synchronously: URLs as Node has them, random bytes, digests.

const crypto = require("node:crypto");

const MOST_RANDOM_BYTES = 65536;
const MOST_URL_LENGTH = 1 << 20;
const URL_PARTS = new Set([
  "href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash",
]);
const DIGESTS = new Map([
  ["MD5", "md5"],
  ["SHA-1", "sha1"],
  ["SHA-256", "sha256"],
  ["SHA-384", "sha384"],
  ["SHA-512", "sha512"],
]);

/** Errors cross into the isolate with their stack: it must not tell of this machine. @param {string} message */
function plainError(message) {
  const error = new Error(message);
  error.stack = `Error: ${message}`;
  return error;
}

/** @param {URL} url */
const partsOf = (url) =>
  JSON.stringify([
    url.href, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search,
    url.hash, url.origin,
  ]);

/** @param {string} text @param {string | undefined} base */
function parseUrl(text, base) {
  if (text.length > MOST_URL_LENGTH || (base !== undefined && base.length > MOST_URL_LENGTH)) return "";
  const url = URL.parse(text, base);
  return url === null ? "" : partsOf(url);
}

/** @param {string} href @param {string} part @param {string} value */
function setUrl(href, part, value) {
  const url = href.length <= MOST_URL_LENGTH && value.length <= MOST_URL_LENGTH ? URL.parse(href) : null;
  if (url === null || !URL_PARTS.has(part)) return "";
  try {
    Reflect.set(url, part, value);
  } catch {
    return ""; // only href refuses what it cannot parse
  }
  return partsOf(url);
}

/** @param {number} count */
function random(count) {
  if (!Number.isInteger(count) || count < 0 || count > MOST_RANDOM_BYTES) throw plainError("too many random bytes");
  const bytes = new Uint8Array(count);
  crypto.randomFillSync(bytes);
  return bytes.buffer;
}

/** @param {string} algorithm @param {ArrayBuffer} data */
function digest(algorithm, data) {
  const name = DIGESTS.get(String(algorithm).toUpperCase());
  if (name === undefined) throw plainError(`no digest ${algorithm}`);
  const hash = crypto.createHash(name).update(new Uint8Array(data)).digest();
  return hash.buffer.slice(hash.byteOffset, hash.byteOffset + hash.byteLength);
}

const NATIVES = { parseUrl, setUrl, random, digest };

/**
 * The functions as they cross into an isolate: their names, and one that calls the one of that place in them, because
 * each that crosses takes room in every isolate. They run on the host's thread while the isolate's waits, and that is not
 * in the isolate's CPU time: `charge` is told how long each call took.
 * @param {typeof import("isolated-vm")} ivm
 * @param {(ns: number) => void} charge
 * @param {Record<string, Function>} [more]
 * @returns {[names: string, native: import("isolated-vm").Callback]}
 */
function nativesFor(ivm, charge, more = {}) {
  const all = { ...NATIVES, ...more };
  const functions = Object.values(all);
  const native = new ivm.Callback((/** @type {number} */ place, /** @type {any[]} */ ...given) => {
    const begun = process.hrtime.bigint();
    try {
      return Reflect.apply(functions[place], undefined, given);
    } finally {
      charge(Number(process.hrtime.bigint() - begun));
    }
  });
  return [Object.keys(all).join(), native];
}

module.exports = { nativesFor };
