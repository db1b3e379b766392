"use strict";

// Turns: what one event for an isolate is, and what is said of how it went.

const BEGIN = 0;
const TIMER = 3;
const MOST_TEXT = 65536;
const BOUNDARY = "\n    at (<isolated-vm boundary>)";

/**
 * One event for the isolate. `place`: its own among the claims, once it is given to the isolate.
 * @typedef {{
 *   rid: number, kind: number, id: number, limitNs: number | null, text: string, bin: ArrayBuffer | undefined,
 *   dropped: boolean, place: number, withdrawn: boolean, rejection: { error: any } | undefined,
 *   drained: Drained | null, waits: number,
 * }} Turn
 */

/**
 * What came of a turn. `endedCpu`: the isolate's CPU clock then, in ns; `heap`: null when the isolate could not tell.
 * @typedef {{ used_heap_size: number, externally_allocated_size: number }} Heap
 * @typedef {{ endedCpu: bigint, heap: Heap | null, posts: string, binaries: ArrayBuffer[] }} Drained
 */

/** @param {number} rid @param {number} kind @param {number} id @returns {Turn} */
const newTurn = (rid, kind, id) => ({
  rid, kind, id, limitNs: null, text: "", bin: undefined, dropped: false, place: 0, withdrawn: false,
  rejection: undefined, drained: null, waits: 0,
});

/** The same turn, not given to any isolate yet. @param {Turn} turn @returns {Turn} */
const again = (turn) => ({ ...newTurn(turn.rid, turn.kind, turn.id), limitNs: turn.limitNs, text: turn.text });

/** @type {ArrayBuffer[]} */
const NO_BINARIES = [];

/**
 * The posts, alone or with the bytes that leave; and what was measured.
 * @param {string | [string, ...ArrayBuffer[]]} given
 * @param {{ endedCpu: bigint, heap: Heap | null }} measured
 * @returns {Drained}
 */
function drainedFrom(given, { endedCpu, heap }) {
  if (typeof given === "string") return { endedCpu, heap, posts: given, binaries: NO_BINARIES };
  return { endedCpu, heap, posts: given[0], binaries: /** @type {ArrayBuffer[]} */ (given.slice(1)) };
}

/** The requests that would begin with these turns. @param {Turn[]} turns */
const beginnings = (turns) => turns.filter((turn) => turn.kind === BEGIN).map((turn) => turn.rid);

/**
 * Whether the posts say that the request is done. Text inside them cannot say so: there the quotes are escaped.
 * @param {string} posts
 * @param {number} rid
 */
const finishes = (posts, rid) => posts.endsWith(`["done",${rid}]`) || posts.includes(`["done",${rid}],["`);

/**
 * What a Worker threw, for its author: cut to a size, and without what the host was doing meanwhile.
 * @param {any} error
 */
function told(error) {
  if (typeof error !== "object" || error === null) {
    return { name: "", message: String(error).slice(0, MOST_TEXT), stack: "" };
  }
  const stack = String(error.stack).slice(0, MOST_TEXT);
  const boundary = stack.indexOf(BOUNDARY);
  return {
    name: String(error.name).slice(0, MOST_TEXT),
    message: String(error.message).slice(0, MOST_TEXT),
    stack: boundary < 0 ? stack : stack.slice(0, boundary),
  };
}

module.exports = { BEGIN, TIMER, again, beginnings, drainedFrom, finishes, newTurn, told };
