"use strict";

// CPU time of isolates on a machine that is busy with other things.
//
// isolated-vm's `cpuTime` is the time since a thread entered the isolate, also while that thread waits for a core.
// Linux knows how long each thread ran and how long it waited, though not which isolate it is in. Where there is no
// /proc, a turn's CPU time is its length.

const fs = require("node:fs");

const TASKS = "/proc/self/task";
const LINE_BYTES = 96;
const STATUS_BYTES = 4096;
/** The kernel brings a running thread's account up to date at its clock's ticks, every 4 ms at the least. */
const TICK_NS = 4.5e6;
const BUSY_SHARE = 0.9;
/** Reading the accounts may take this part of the host's time. */
const COST_SHARE = 1 / 25;
const LEAST_COST_MS = 0.05;
const SEARCH_EVERY_MS = 8;
const RECENT_MS = 0.2;
/** While a turn runs, the accounts are read at least this often. */
const STALE_NS = 22e6;
const MOST_ENDED = 16;

/** @typedef {"running" | "waiting" | "asleep"} State */
/** @typedef {{ ranNs: number, waitedNs: number, arrivals: number, state?: State }} Account */
/** @typedef {{ atMs: number, threads: Map<string, Account> }} Sample */
/** @typedef {{ atMs: number, account: Account }} Ended the account as it was when it was read last */

/** @type {Account} */
const NOTHING = { ranNs: 0, waitedNs: 0, arrivals: 0 };

class ThreadClock {
  constructor() {
    this.line = Buffer.alloc(LINE_BYTES);
    /** @type {Map<string, number>} */
    this.files = new Map();
    // isolated-vm runs an isolate on a thread of its own, which ends with the turn, when the threads of its pool are busy.
    /** @type {Map<string, Ended>} */
    this.ended = new Map();
    this.costMs = 0;
    this.foundAtMs = -Infinity;
    // Threads that are there before any isolate has run (this one, and V8's and Node's own) run none.
    this.others = new Set(names());
    this.works = this.others.size > 0 && fs.existsSync(`${TASKS}/${process.pid}/schedstat`);
    /** @type {Sample} */
    this.last = { atMs: -Infinity, threads: new Map() };
  }

  /**
   * The accounts now, or those of a moment ago if reading them again would cost too much.
   * @param {number} wanted how many threads there must be
   * @returns {Sample}
   */
  sample(wanted) {
    const begunMs = performance.now();
    if (!this.works || begunMs - this.last.atMs < this.costMs / COST_SHARE) return this.last;
    if (this.files.size < wanted || begunMs - this.foundAtMs > SEARCH_EVERY_MS) this.findThreads();
    return this.read(begunMs);
  }

  /** The accounts now, of new threads too. @returns {Sample} */
  fresh() {
    if (!this.works) return this.last;
    this.findThreads();
    return this.read(performance.now());
  }

  /** @param {number} begunMs @returns {Sample} */
  read(begunMs) {
    const threads = new Map();
    for (const [name, file] of this.files) {
      const account = this.accountOf(file);
      if (account === null) this.forget(name, file, begunMs);
      else threads.set(name, account);
    }
    this.last = { atMs: begunMs, threads };
    // Not much more than the time before: a thread that loses its core meanwhile has paid nothing for that.
    this.costMs = Math.min(performance.now() - begunMs, 2 * this.costMs + LEAST_COST_MS);
    return this.last;
  }

  findThreads() {
    this.foundAtMs = performance.now();
    for (const name of names()) {
      if (this.others.has(name) || this.files.has(name)) continue;
      try {
        this.files.set(name, fs.openSync(`${TASKS}/${name}/schedstat`, "r"));
      } catch {
        // it has ended
      }
    }
  }

  /** @param {number} file @returns {Account | null} null when the thread has ended */
  accountOf(file) {
    try {
      const length = fs.readSync(file, this.line, 0, LINE_BYTES, 0);
      const [ranNs, waitedNs, arrivals] = this.line.latin1Slice(0, length).split(" ").map(Number);
      return { ranNs, waitedNs, arrivals };
    } catch {
      return null;
    }
  }

  /** @param {string} name @param {number} file @param {number} atMs */
  forget(name, file, atMs) {
    const account = this.last.threads.get(name);
    if (account !== undefined) this.ended.set(name, { atMs, account });
    for (const oldest of this.ended.keys()) {
      if (this.ended.size <= MOST_ENDED) break;
      this.ended.delete(oldest);
    }
    this.files.delete(name);
    fs.closeSync(file);
  }

  /**
   * Whether a thread has a core. Then it has come to one once more than it was taken off one.
   * @param {string} name
   * @param {number} arrivals
   * @returns {State}
   */
  stateOf(name, arrivals) {
    let status = "";
    try {
      status = beginningOf(`${TASKS}/${name}/status`);
    } catch {
      return "asleep"; // it has ended
    }
    if (!/^State:\s+R/m.test(status)) return "asleep";
    const leavings = status.match(/ctxt_switches:\s+\d+/g) ?? [];
    const left = leavings.reduce((sum, line) => sum + Number(line.slice(line.indexOf(":") + 1)), 0);
    return arrivals > left ? "running" : "waiting";
  }

  nowMs() {
    return performance.now();
  }

  /**
   * The CPU time of a turn that goes on, in ns, and never more than it really is: of the threads that may be its own,
   * the one with the least counts. How long a thread has been waiting by now is not in its account yet.
   * @param {Sample} since taken before the turn
   * @param {number} lengthNs
   */
  withinTurn(since, lengthNs) {
    const sample = performance.now() - this.last.atMs < RECENT_MS ? this.last : this.fresh();
    let leastNs = lengthNs;
    for (const [name, now] of sample.threads) {
      const before = since.threads.get(name) ?? NOTHING;
      const ranNs = now.ranNs - before.ranNs;
      const waitedNs = now.waitedNs - before.waitedNs;
      if (lengthNs - waitedNs >= leastNs && ranNs >= leastNs) continue;
      now.state ??= this.stateOf(name, now.arrivals);
      if (now.state === "waiting") leastNs = Math.min(leastNs, ranNs);
      if (now.state !== "running" || ranNs + waitedNs + TICK_NS < lengthNs * BUSY_SHARE) continue;
      leastNs = Math.min(leastNs, lengthNs - waitedNs);
    }
    return Math.max(0, leastNs);
  }
}

/** The text in a file, as far as it may matter. @param {string} path @throws also when its thread ends meanwhile */
function beginningOf(path) {
  const file = fs.openSync(path, "r");
  try {
    const bytes = Buffer.alloc(STATUS_BYTES);
    return bytes.latin1Slice(0, fs.readSync(file, bytes, 0, STATUS_BYTES, 0));
  } finally {
    fs.closeSync(file);
  }
}

/** The names of this process's threads; none where the kernel does not tell. */
function names() {
  try {
    return fs.readdirSync(TASKS);
  } catch {
    return [];
  }
}

module.exports = { NOTHING, STALE_NS, TICK_NS, ThreadClock };
