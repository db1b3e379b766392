"use strict";

// Which thread ran the turns of an isolate, and so how much CPU time each had.
//
// Nobody tells which thread is in which isolate. A turn's own thread has been busy (it ran, or waited for a core) for
// about as long as the turn took, but others may have been too; and an account is behind while its thread is busy.

const { NOTHING, STALE_NS, TICK_NS } = require("./thread_clock.js");

/** A thread is suspected that was busy for this part of the time: in the isolate it also sleeps, as for the host. */
const BUSY_SHARE = 0.6;

/** @typedef {import("./thread_clock.js").ThreadClock} ThreadClock */
/** @typedef {import("./thread_clock.js").Account} Account */
/**
 * A thread that may be the turn's, and what it did in the stretch. `wrongNs`: how far from what the turn's own did.
 * @typedef {{ name: string, ranNs: number, waitedNs: number, wrongNs: number }} Suspect
 */

/** Turns of one isolate that follow each other with no pause, from the first that was given to it at rest. */
class Stretch {
  /** @param {Pick<ThreadClock, "last" | "ended" | "fresh" | "stateOf" | "nowMs">} clock */
  constructor(clock) {
    this.clock = clock;
    this.since = clock.last;
    this.begunMs = 0;
    this.lengthNs = 0;
    this.chargedNs = 0;
    /** The isolate's thread when it was last known for certain: it mostly stays with it. */
    this.thread = "";
    /** Threads that had not run yet when a turn had long begun. @type {Set<string>} */
    this.late = new Set();
  }

  begin() {
    if (this.late.size > 0) this.late.clear();
    this.since = this.clock.last;
    this.begunMs = this.clock.nowMs();
    this.lengthNs = 0;
    this.chargedNs = 0;
  }

  /**
   * A turn has run for so long by now: its own thread has run since the stretch began, and by the last sample it was told.
   * @param {number} lengthNs
   */
  goesOn(lengthNs) {
    const { last } = this.clock;
    if (lengthNs - (this.clock.nowMs() - last.atMs) * 1e6 < TICK_NS) return;
    for (const [name, { ranNs }] of last.threads) {
      if (ranNs === (this.since.threads.get(name) ?? NOTHING).ranNs) this.late.add(name);
    }
  }

  /** A turn is over, and was charged so much. @param {number} lengthNs @param {number} cpuNs */
  add(lengthNs, cpuNs) {
    this.lengthNs += lengthNs;
    this.chargedNs += cpuNs;
  }

  /**
   * The CPU time of a turn that is over, in ns: what its thread ran in the stretch, without what the turns before it
   * were charged, and without the share of what came after it. Its length, when no thread can be found.
   * @param {number} lengthNs
   * @param {number} goneOnNs how long the isolate has gone on since
   */
  cpuNs(lengthNs, goneOnNs) {
    const suspects = this.suspects(this.lengthNs + lengthNs, goneOnNs);
    if (suspects.length === 1) this.thread = suspects[0].name;
    const own = suspects.find(({ name }) => name === this.thread) ?? suspects.sort(byWrong)[0];
    if (own === undefined) return lengthNs;
    const mostNs = Math.min(lengthNs, own.ranNs);
    const leastNs = Math.min(mostNs, Math.max(0, lengthNs - own.waitedNs));
    const shareNs = ((own.ranNs - this.chargedNs) * lengthNs) / (lengthNs + goneOnNs);
    return Math.min(mostNs, Math.max(leastNs, shareNs));
  }

  /**
   * @param {number} lengthNs
   * @param {number} goneOnNs
   * @returns {Suspect[]}
   */
  suspects(lengthNs, goneOnNs) {
    const { clock, since } = this;
    const busyNs = lengthNs + goneOnNs;
    const leastNs = busyNs * BUSY_SHARE;
    /** @type {Suspect[]} */
    const found = [];
    const did = (/** @type {string} */ name, /** @type {Account} */ now) => {
      const before = since.threads.get(name) ?? NOTHING;
      return { name, ranNs: now.ranNs - before.ranNs, waitedNs: now.waitedNs - before.waitedNs };
    };
    const { threads } = clock.fresh();
    const sinceBegunNs = (clock.nowMs() - this.begunMs) * 1e6;
    for (const [name, now] of threads) {
      if (this.late.has(name)) continue;
      const thread = did(name, now);
      const knownNs = thread.ranNs + thread.waitedNs;
      const missingNs = Math.max(0, sinceBegunNs - knownNs);
      if (knownNs + missingNs < leastNs) continue;
      const state = clock.stateOf(name, now.arrivals);
      if (state === "running") thread.ranNs += Math.min(TICK_NS, missingNs);
      if (state === "waiting") thread.waitedNs += Math.min(goneOnNs, missingNs); // before that it was done with the turn
      if (thread.ranNs + thread.waitedNs < leastNs) continue;
      found.push({ ...thread, wrongNs: Math.abs(knownNs + Math.min(goneOnNs, missingNs) - busyNs) });
    }
    for (const [name, { atMs, account }] of clock.ended) {
      if (this.late.has(name)) continue;
      const thread = did(name, account);
      const knownNs = thread.ranNs + thread.waitedNs;
      if (atMs <= since.atMs || knownNs + STALE_NS < leastNs) continue;
      thread.ranNs += Math.min(STALE_NS, Math.max(0, busyNs - knownNs));
      found.push({ ...thread, wrongNs: Math.abs(knownNs - busyNs) });
    }
    return found;
  }
}

/** @param {Suspect} one @param {Suspect} other */
const byWrong = (one, other) => one.wrongNs - other.wrongNs;

module.exports = { Stretch };
