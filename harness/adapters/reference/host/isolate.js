"use strict";

// One isolate: its queue of turns, the accounts of its requests, its end.

const { MemoryLimit } = require("./memory.js");
const { Refused } = require("./modules.js");
const { Timers } = require("./timers.js");
const { BEGIN, TIMER, beginnings, finishes, newTurn, told } = require("./turns.js");

/** @typedef {import("./turns.js").Turn} Turn */

const NO_ARGUMENTS = [];
const NOTHING = { posts: "", binaries: 0 };
const COPIED = /** @type {const} */ ({ result: { copy: true } });
/** A turn's length is taken for its CPU time below this. */
const SHORT_TURN_NS = 1e6;
const MOST_WAITS = 50;
const NO_ROOM = "Array buffer allocation failed";

/** @typedef {{ usedNs: number, limitNs: number }} Account */

class Isolate {
  /**
   * @param {number} number
   * @param {any} settings
   * @param {import("./host.js").Services} services
   */
  constructor(number, settings, services) {
    this.number = number;
    this.settings = settings;
    this.services = services;
    this.memory = new MemoryLimit(settings);
    this.timers = new Timers((rid, id) => this.timerWentOff(rid, id));
    /** @type {Turn[]} */
    this.queue = [];
    /** @type {Map<number, Account>} the requests that have begun, and are not over */
    this.accounts = new Map();
    /** @type {number[]} those over since the last turn */
    this.ended = [];
    /** @type {Turn | null} */
    this.turn = null;
    /** @type {import("./watchdog.js").Watch | null} */
    this.watch = null;
    this.ready = false;
    this.dead = false;
    this.nowMs = 0;
    this.nativeNs = 0;
    this.nativeBeforeNs = 0;
    this.spentNs = 0;
    this.begunCpu = 0n;
    this.endedCpu = 0n;
    /** @type {import("./starting.js").Inside} */
    this.inside = services.starter.make(
      this.memory.engineMib,
      (message) => this.die("exceededMemory", message),
      (ns) => (this.nativeNs += ns),
    );
  }

  // --- start

  /** @param {any} code */
  async start(code) {
    this.watch = this.services.watchdog.begin(this, this.settings.start_cpu_ms * 1e6, false);
    try {
      const exports = await this.services.starter.run(this.inside, this.settings.main, code);
      if (this.dead) return;
      this.rest();
      this.ready = true;
      this.services.send(`["ready",${this.number},${Number(this.endedCpu)}]`, exports);
      this.next();
    } catch (error) {
      this.refuse(error);
    }
  }

  /** @param {any} error */
  refuse(error) {
    const overMemory = !this.dead && this.inside.vm.isDisposed;
    const why = overMemory ? new Refused("Script startup exceeded memory limit.") : error;
    this.die("refused", JSON.stringify(told(why)));
  }

  // --- what control asks for

  /** @param {Turn} turn */
  push(turn) {
    if (turn.kind === BEGIN && this.watch?.busy) {
      this.services.send(`["busy",${this.number},[${turn.rid}]]`);
      return;
    }
    this.queue.push(turn);
    if (this.ready && this.turn === null) this.next();
  }

  /** @param {number} rid */
  end(rid) {
    this.timers.drop(rid);
    for (const turn of this.queue) if (turn.rid === rid) turn.dropped = true;
    if (this.accounts.delete(rid)) this.ended.push(rid);
  }

  /** @param {number} rid @param {number} id */
  timerWentOff(rid, id) {
    const turn = newTurn(rid, TIMER, id);
    this.push(turn);
    return turn;
  }

  // --- turns

  next() {
    this.turn = null;
    for (let turn = this.queue.shift(); turn !== undefined; turn = this.queue.shift()) {
      if (turn.dropped) continue;
      if (turn.kind === BEGIN) this.accounts.set(turn.rid, { usedNs: 0, limitNs: turn.limitNs ?? Infinity });
      const account = this.accounts.get(turn.rid);
      if (account === undefined) continue;
      this.run(turn, account);
      return;
    }
  }

  /** @param {Turn} turn @param {Account} account */
  run(turn, account) {
    const { vm, deliver, drain } = this.inside;
    const { ivm, watchdog } = this.services;
    const dueMs = turn.kind === TIMER ? this.timers.begin(turn.rid, turn.id) : 0;
    this.nowMs = Math.max(this.nowMs, Date.now(), dueMs); // timers of Node's may be early by the clock's grain
    const ended = this.ended.length === 0 ? "" : this.ended.join();
    this.ended.length = 0;
    // Copied twice rather than moved: what moves in is not counted once Worker code has transferred it.
    const bin = turn.bin && new ivm.ExternalCopy(turn.bin, { transferOut: true }).copyInto({ release: true });
    this.turn = turn;
    this.spentNs = 0;
    this.nativeBeforeNs = this.nativeNs;
    const lost = () => this.die("exceededMemory", "the engine ended the isolate");
    try {
      this.begunCpu = vm.cpuTime;
      this.watch = watchdog.begin(this, account.limitNs - account.usedNs, true);
      // All at once, so that the isolate's thread is woken once. Never by the synchronous calls: Worker code that is
      // left over (finalizers, getters of errors) would run in them, on the host's thread.
      const given = [turn.kind, turn.rid, turn.id, turn.text, this.nowMs, ended, bin];
      deliver.apply(undefined, given).then(undefined, (error) => (turn.rejection = { error }));
      drain.apply(undefined, NO_ARGUMENTS).then((text) => (turn.drained = /** @type {any} */ (text)), ignore);
      vm.getHeapStatistics().then((heap) => this.finish(turn, account, heap), lost);
    } catch {
      lost();
    }
  }

  /** @param {Turn} turn @param {Account} account @param {import("isolated-vm").HeapStatistics} heap */
  finish(turn, account, heap) {
    if (this.dead) return;
    if (turn.bin !== undefined && turn.rejection?.error?.message === NO_ROOM) {
      this.die("exceededMemory", "there is no room for what came in");
      return;
    }
    const lengthNs = this.turnLengthNs();
    if (lengthNs >= SHORT_TURN_NS && this.isMoving() && turn.waits++ < MOST_WAITS) {
      setImmediate(() => this.finish(turn, account, heap)); // its thread is about to leave the isolate
      return;
    }
    let cpuNs = lengthNs;
    if (lengthNs >= SHORT_TURN_NS && this.watch !== null) {
      cpuNs = this.services.threadClock.afterTurn(this.watch.since, lengthNs);
    }
    cpuNs += this.turnNativeNs();
    this.spentNs = cpuNs;
    account.usedNs += cpuNs;
    const { drained } = turn;
    if (drained === "" && turn.rejection === undefined) {
      this.conclude(turn, account, heap, cpuNs, "", NO_ARGUMENTS);
      return;
    }
    let { posts, binaries } = this.absorb(drained);
    if (turn.rejection !== undefined) {
      const exception = `["exception",${turn.rid},${JSON.stringify(told(turn.rejection.error))}]`;
      posts = posts === "" ? exception : `${exception},${posts}`;
    }
    if (binaries > 0) this.fetchBinaries(turn, account, heap, cpuNs, posts);
    else this.conclude(turn, account, heap, cpuNs, posts, NO_ARGUMENTS);
  }

  /**
   * Take in what the prelude had for the host: `timers \n wasm bytes \n number of binaries \n posts`.
   * @param {string} drained
   * @returns {{ posts: string, binaries: number }}
   */
  absorb(drained) {
    if (drained === "") return NOTHING;
    const timersEnd = drained.indexOf("\n");
    const wasmEnd = drained.indexOf("\n", timersEnd + 1);
    const countEnd = drained.indexOf("\n", wasmEnd + 1);
    this.memory.wasmBytes = Number(drained.slice(timersEnd + 1, wasmEnd));
    if (timersEnd > 0) {
      this.timers.apply(drained.slice(0, timersEnd), this.nowMs, (rid) => this.accounts.has(rid));
    }
    return { posts: drained.slice(countEnd + 1), binaries: Number(drained.slice(wasmEnd + 1, countEnd)) };
  }

  /** @param {Turn} turn @param {Account} account @param {any} heap @param {number} cpuNs @param {string} posts */
  fetchBinaries(turn, account, heap, cpuNs, posts) {
    this.inside.drainBinary.apply(undefined, NO_ARGUMENTS, COPIED).then(
      (/** @type {any} */ binaries) => this.conclude(turn, account, heap, cpuNs, posts, binaries),
      (error) => this.die("exceededMemory", String(error?.message)),
    );
  }

  /**
   * @param {Turn} turn
   * @param {Account} account
   * @param {import("isolated-vm").HeapStatistics} heap
   * @param {number} cpuNs
   * @param {string} posts
   * @param {ArrayBuffer[]} binaries
   */
  conclude(turn, account, heap, cpuNs, posts, binaries) {
    if (this.dead) return;
    if (account.usedNs > account.limitNs && !finishes(posts, turn.rid)) {
      this.die("exceededCpu", "");
      return;
    }
    const heldBytes = this.memory.held(heap);
    if (heldBytes > this.memory.bytes) {
      this.collect(turn, account, cpuNs, posts, binaries);
      return;
    }
    this.rest();
    const lengths = binaries.length === 0 ? "[]" : `[${binaries.map((binary) => binary.byteLength)}]`;
    const active = this.timers.active(turn.rid);
    this.services.send(
      `["turn",${this.number},${turn.rid},${Math.round(cpuNs)},${heldBytes},${lengths},${active},${turn.kind}]`,
      posts === "" ? "" : `[${posts}]`,
      binaries,
    );
    this.next();
  }

  /**
   * Over the limit, but garbage is no reason to end it.
   * @param {Turn} turn
   * @param {Account} account
   * @param {number} cpuNs
   * @param {string} posts
   * @param {ArrayBuffer[]} binaries
   */
  collect(turn, account, cpuNs, posts, binaries) {
    this.rest();
    const { vm, drain } = this.inside;
    const over = () => this.die("exceededMemory", "");
    this.services.collector
      .collect(vm)
      .then(() => Promise.all([drain.apply(undefined, NO_ARGUMENTS), vm.getHeapStatistics()]))
      .then(([drained, after]) => {
        this.absorb(/** @type {any} */ (drained)); // WebAssembly memory may have gone too
        if (this.memory.held(after) > this.memory.bytes) over();
        else this.conclude(turn, account, after, cpuNs, posts, binaries);
      })
      .catch(over);
  }

  /** Nothing of the Worker's runs, but what finalizers do. */
  rest() {
    if (this.watch === null) return;
    this.services.watchdog.end(this.watch);
    this.watch = null;
    this.endedCpu = this.inside.vm.isDisposed ? 0n : this.inside.vm.cpuTime;
  }

  // --- CPU time

  /** How long the running turn has been in the isolate. 0 when the engine has ended the isolate. */
  turnLengthNs() {
    const { vm } = this.inside;
    return vm.isDisposed ? 0 : Number(vm.cpuTime - this.begunCpu);
  }

  /** What it used on the host's own thread. */
  turnNativeNs() {
    return this.nativeNs - this.nativeBeforeNs;
  }

  /** Whether a thread is in the isolate. */
  isMoving() {
    const { vm } = this.inside;
    return !vm.isDisposed && vm.wallTime !== vm.wallTime;
  }

  /** How long the isolate has run since its last turn; 0 when it does not run. */
  restlessNs() {
    if (this.dead || this.turn !== null || !this.isMoving()) return 0;
    return Number(this.inside.vm.cpuTime - this.endedCpu);
  }

  /** @param {number} spentNs */
  outOfCpu(spentNs) {
    this.spentNs = spentNs;
    if (this.ready) this.die("exceededCpu", "");
    else this.die("refused", JSON.stringify(told(new Refused("Script startup exceeded CPU time limit."))));
  }

  /** Requests that have not begun are given back, to begin elsewhere. */
  becameBusy() {
    const waiting = this.queue.filter((turn) => !turn.dropped && !this.accounts.has(turn.rid));
    this.queue = this.queue.filter((turn) => this.accounts.has(turn.rid));
    this.services.send(`["busy",${this.number},[${beginnings(waiting)}]]`);
  }

  // --- end

  /** Safe to call again. @param {string} reason @param {string} detail */
  die(reason, detail) {
    if (this.dead) return;
    this.dead = true;
    this.timers.dropAll();
    if (this.watch !== null) this.services.watchdog.end(this.watch);
    const { vm } = this.inside;
    if (!vm.isDisposed) {
      vm.getHeapStatistics().catch(ignore); // so that its own thread is the last to hold it, and takes it apart
      vm.dispose();
    }
    const rid = this.turn === null ? "null" : this.turn.rid;
    const unbegun = beginnings(this.queue.filter((turn) => !turn.dropped));
    this.queue = [];
    this.services.gone(this.number);
    const spentNs = Math.round(this.spentNs);
    this.services.send(`["dead",${this.number},"${reason}",${rid},${spentNs},[${unbegun}]]`, detail);
  }
}

const ignore = () => {};

module.exports = { Isolate };
