"use strict";

// One clock for all turns that run: it looks at their CPU time, and ends those past their limit.

const SOON_MS = 1;
const YOUNG_MS = 8;
const LONGEST_SLEEP_MS = 20;
/** A timer comes up to this much after its time: nearer to a limit than that, the clock is polled. */
const TIMER_GRAIN_NS = 1.3e6;
const MOST_POLLING_MS = 2.5;
const PAUSE_MS = 4;
const STALE_MS = 1.5;
const RESTING_LOOK_MS = 500;
const RESTING_CPU_NS = 1e9;

/**
 * A turn, or a start, under watch.
 * @typedef {{
 *   isolate: import("./isolate.js").Isolate, allowedNs: number, begunMs: number,
 *   since: import("./thread_clock.js").Sample, busy: boolean, checksBusy: boolean,
 * }} Watch
 */

class Watchdog {
  /** @param {import("./thread_clock.js").ThreadClock} clock */
  constructor(clock) {
    this.clock = clock;
    this.busyNs = 5e6;
    /** @type {Set<Watch>} */
    this.watches = new Set();
    /**
     * Isolates whose turns are over, and the accounts of then: their finalizers may run on.
     * @type {Map<import("./isolate.js").Isolate, import("./thread_clock.js").Sample>}
     */
    this.resting = new Map();
    this.restingDue = false;
    /** @type {NodeJS.Timeout | NodeJS.Immediate | null} */
    this.timer = null;
    this.sleepMs = 0;
    this.pollingSinceMs = 0;
    this.tick = this.tick.bind(this);
    this.lookAtResting = this.lookAtResting.bind(this);
  }

  /**
   * @param {import("./isolate.js").Isolate} isolate
   * @param {number} allowedNs
   * @param {boolean} checksBusy
   * @returns {Watch}
   */
  begin(isolate, allowedNs, checksBusy) {
    const begunMs = performance.now();
    if (begunMs - this.clock.last.atMs > STALE_MS) this.clock.sample(this.watches.size + 1);
    if (this.timer === null) {
      this.sleep(SOON_MS);
    } else if (this.sleepMs > SOON_MS) {
      clearTimeout(/** @type {NodeJS.Timeout} */ (this.timer));
      this.sleep(SOON_MS);
    }
    const watch = { isolate, allowedNs, begunMs, since: this.clock.last, busy: false, checksBusy };
    this.watches.add(watch);
    return watch;
  }

  /** @param {Watch} watch */
  end(watch) {
    this.watches.delete(watch);
    this.resting.set(watch.isolate, this.clock.last);
    if (!this.restingDue) {
      this.restingDue = true;
      setTimeout(this.lookAtResting, RESTING_LOOK_MS);
    }
  }

  /** @param {number} ms */
  sleep(ms) {
    this.sleepMs = ms;
    this.timer = setTimeout(this.tick, ms);
  }

  tick() {
    this.timer = null;
    if (this.watches.size === 0) return;
    this.clock.sample(this.watches.size);
    const nowMs = performance.now();
    let nextNs = LONGEST_SLEEP_MS * 1e6;
    let young = false;
    for (const watch of this.watches) {
      nextNs = Math.min(nextNs, this.look(watch));
      young ||= nowMs - watch.begunMs < YOUNG_MS;
    }
    if (nextNs < TIMER_GRAIN_NS) {
      this.poll(nowMs);
      return;
    }
    this.pollingSinceMs = 0;
    this.sleep(young ? SOON_MS : Math.max(SOON_MS, Math.floor((nextNs - TIMER_GRAIN_NS) / 1e6)));
  }

  /**
   * A turn that gets no core would be polled for long: after a while it is looked at by timer.
   * @param {number} nowMs
   */
  poll(nowMs) {
    if (this.pollingSinceMs === 0) this.pollingSinceMs = nowMs;
    if (nowMs - this.pollingSinceMs < MOST_POLLING_MS) {
      this.sleepMs = 0;
      this.timer = setImmediate(this.tick);
    } else {
      this.pollingSinceMs = 0;
      this.sleep(PAUSE_MS);
    }
  }

  /** How much CPU time the turn has left, in ns, after what there was to do. @param {Watch} watch */
  look(watch) {
    const { isolate } = watch;
    if (isolate.hasMovedOn()) return LONGEST_SLEEP_MS * 1e6; // what it has done is counted when that is told, at once
    const lengthNs = isolate.turnLengthNs();
    isolate.stretch.goesOn(lengthNs);
    const nativeNs = isolate.turnNativeNs();
    let spentNs = lengthNs + nativeNs;
    const maybeBusy = watch.checksBusy && !watch.busy && lengthNs >= this.busyNs;
    if (maybeBusy || spentNs >= watch.allowedNs) {
      const computedNs = this.clock.withinTurn(watch.since, lengthNs);
      spentNs = computedNs + nativeNs;
      if (maybeBusy && computedNs >= this.busyNs) {
        watch.busy = true;
        isolate.becameBusy();
      }
    }
    if (spentNs >= watch.allowedNs) {
      isolate.outOfCpu(spentNs);
      return Infinity;
    }
    isolate.spentNs = spentNs;
    return watch.allowedNs - spentNs;
  }

  lookAtResting() {
    this.restingDue = false;
    for (const [isolate, since] of this.resting) {
      const lengthNs = isolate.restlessNs();
      if (lengthNs >= RESTING_CPU_NS) {
        const ranNs = this.clock.withinTurn(since, lengthNs); // a collection may wait long for a core
        if (ranNs >= RESTING_CPU_NS) isolate.outOfCpu(isolate.turn === null ? ranNs : isolate.spentNs + ranNs);
      }
      // With a turn it is being collected, and may begin to run at any moment.
      if (isolate.dead || (lengthNs === 0 && isolate.turn === null)) this.resting.delete(isolate);
    }
    if (this.resting.size > 0 && !this.restingDue) {
      this.restingDue = true;
      setTimeout(this.lookAtResting, RESTING_LOOK_MS);
    }
  }
}

module.exports = { Watchdog };
