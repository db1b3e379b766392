// Worker B of a service binding: what A calls, by fetch and by RPC.
import { WorkerEntrypoint } from "cloudflare:workers";
import { describe, make } from "./values.mjs";

/** @type {Record<string, ErrorConstructor>} */
const errors = { Error, TypeError, RangeError, SyntaxError };

let kept = { inner: "untouched" };
let checksum = 1;

/** Compute without waiting. @param {number} rounds */
function burn(rounds) {
  for (let round = 0; round < rounds; round += 1) checksum = Math.imul(checksum ^ round, 0x9e3779b1) >>> 0;
  return checksum;
}

export default class Callee extends WorkerEntrypoint {
  /** Answers with what arrived, or does what the path says. */
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/burn") return Response.json({ checksum: burn(Number(url.searchParams.get("rounds"))) });
    if (url.pathname === "/throw") throw new RangeError("thrown by the callee's fetch");
    const { method, headers } = request;
    const arrived = { url: request.url, method, header: headers.get("x-isomark"), body: await request.text() };
    return Response.json(arrived, { status: 203, headers: { "x-isomark": "from the callee" } });
  }

  add(left, right) {
    return left + right;
  }

  burn(rounds) {
    return burn(rounds);
  }

  describe(value) {
    return describe(value);
  }

  make(kind) {
    return make(kind);
  }

  /** @param {string} name @param {string} message */
  fail(name, message) {
    throw new errors[name](message);
  }

  async failLater(name, message) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    throw new errors[name](message);
  }

  /** Put a mark on this Worker's global object, say which one is there, and which one arrays have. */
  mark(value) {
    if (value !== undefined) globalThis.isomarkMark = value;
    return { own: globalThis.isomarkMark ?? null, onArrays: [].isomarkMark ?? null };
  }

  /** Spoil an argument. */
  alter(value) {
    value.inner = "altered by the callee";
    return value;
  }

  /** A value of this module's, and then whether somebody spoilt it. */
  keep() {
    return kept;
  }
}

export class Accounts extends WorkerEntrypoint {
  fetch(request) {
    return Response.json({ entrypoint: "Accounts", url: request.url });
  }

  who() {
    return "Accounts";
  }
}
