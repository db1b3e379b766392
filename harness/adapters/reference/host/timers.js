"use strict";

// The timers of one isolate's requests. A timer that has gone off counts as set until its turn begins.

const LONGEST_MS = 2 ** 31 - 1;

/** @typedef {{ timeout: NodeJS.Timeout, dueMs: number, turn: import("./turns.js").Turn | null }} Timer */

class Timers {
  /** @param {(rid: number, id: number) => import("./turns.js").Turn} goOff queues the timer's turn */
  constructor(goOff) {
    this.goOff = goOff;
    /** @type {Map<number, Map<number, Timer>>} */
    this.byRequest = new Map();
  }

  /**
   * What a turn asked for: `rid:id:ms,...`; -1 cancels.
   * @param {string} text
   * @param {number} nowMs the clock of the turn that asked
   * @param {(rid: number) => boolean} lives
   */
  apply(text, nowMs, lives) {
    for (const entry of text.split(",")) {
      const [rid, id, ms] = entry.split(":").map(Number);
      this.cancel(rid, id);
      if (ms !== -1 && lives(rid)) this.set(rid, id, nowMs, ms);
    }
  }

  /** @param {number} rid @param {number} id @param {number} nowMs @param {number} ms */
  set(rid, id, nowMs, ms) {
    const waitMs = ms > 0 ? Math.min(ms, LONGEST_MS) : 0;
    const timeout = setTimeout(() => (timer.turn = this.goOff(rid, id)), waitMs);
    /** @type {Timer} */
    const timer = { timeout, dueMs: nowMs + waitMs, turn: null };
    let timers = this.byRequest.get(rid);
    if (timers === undefined) this.byRequest.set(rid, (timers = new Map()));
    timers.set(id, timer);
  }

  /** @param {number} rid @param {number} id */
  cancel(rid, id) {
    const timer = this.byRequest.get(rid)?.get(id);
    if (timer === undefined) return;
    this.remove(rid, id);
    clearTimeout(timer.timeout);
    if (timer.turn !== null) timer.turn.dropped = true;
  }

  /** Its turn begins. The time it was due. @param {number} rid @param {number} id */
  begin(rid, id) {
    const dueMs = this.byRequest.get(rid)?.get(id)?.dueMs ?? 0;
    this.remove(rid, id);
    return dueMs;
  }

  /** @param {number} rid @param {number} id */
  remove(rid, id) {
    const timers = this.byRequest.get(rid);
    if (timers?.delete(id) && timers.size === 0) this.byRequest.delete(rid);
  }

  /** @param {number} rid */
  active(rid) {
    return this.byRequest.get(rid)?.size ?? 0;
  }

  /** @param {number} rid */
  drop(rid) {
    for (const id of [...(this.byRequest.get(rid)?.keys() ?? [])]) this.cancel(rid, id);
  }

  dropAll() {
    for (const rid of [...this.byRequest.keys()]) this.drop(rid);
  }
}

module.exports = { Timers };
