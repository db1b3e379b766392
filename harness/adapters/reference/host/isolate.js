"use strict";

// One isolate: its queue of turns, the accounts of its requests, its end.

const { Ahead } = require("./ahead.js");
const { MemoryLimit } = require("./memory.js");
const { Refused } = require("./modules.js");
const { Stretch } = require("./stretch.js");
const { Timers } = require("./timers.js");
const { BEGIN, TIMER, again, beginnings, drainedFrom, finishes, newTurn, told } = require("./turns.js");

/** @typedef {import("./turns.js").Turn} Turn */

const NO_ARGUMENTS = [];
const COPIED = /** @type {const} */ ({ result: { copy: true } });
/** A turn's length is taken for its CPU time below this. */
const SHORT_TURN_NS = 1e6;
const MOST_WAITS = 50;
const UNKNOWN = { used_heap_size: 0, externally_allocated_size: 0 };
const NO_ROOM = "Array buffer allocation failed";

/** @typedef {{ usedNs: number, limitNs: number }} Account */

class Isolate {
  /**
   * @param {number} number
   * @param {any} settings
   * @param {import("./starting.js").Code} code
   * @param {import("./host.js").Services} services
   */
  constructor(number, settings, code, services) {
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
    /** The one that runs, as far as is known here. @type {Turn | null} */
    this.turn = null;
    this.tellsHeap = true;
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
    this.stretch = new Stretch(services.threadClock);
    /** @type {import("./starting.js").Inside} */
    this.inside = services.starter.make(
      this.memory.engineMib,
      (message) => this.die("exceededMemory", message),
      (ns) => (this.nativeNs += ns),
      code,
    );
    this.ahead = new Ahead(this.inside.claims);
  }

  // --- start

  /** @param {any} code */
  async start(code) {
    this.watch = this.services.watchdog.begin(this, this.settings.start_cpu_ms * 1e6, false);
    try {
      const exports = await this.services.starter.run(this.inside, this.settings.main, code);
      if (this.dead) return;
      this.inside.started();
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
    if (!this.ready) return;
    if (this.turn === null) this.next();
    else this.giveAhead();
  }

  /** @param {number} rid */
  end(rid) {
    this.timers.drop(rid);
    for (const turn of this.queue) if (turn.rid === rid) turn.dropped = true;
    for (const turn of this.ahead.turns) if (turn.rid === rid && !this.ahead.withdraw(turn)) turn.dropped = true;
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
    // One that was given ahead may have begun long since: it begins where this one ended by the isolate's own account.
    const endedCpu = this.turn?.drained?.endedCpu ?? this.endedCpu;
    this.turn = null;
    const given = this.ahead.shift();
    if (given !== undefined) {
      this.open(given);
      this.watchOver(given, endedCpu);
      this.giveAhead();
      if (given.drained !== null) this.finish(given, given.drained.heap);
      return;
    }
    for (let turn = this.queue.shift(); turn !== undefined; turn = this.queue.shift()) {
      if (turn.dropped) continue;
      if (turn.kind === BEGIN) this.open(turn);
      if (!this.accounts.has(turn.rid)) continue;
      this.run(turn);
      return;
    }
  }

  /** @param {Turn} turn that begins a request */
  open(turn) {
    this.accounts.set(turn.rid, { usedNs: 0, limitNs: turn.limitNs ?? Infinity });
  }

  /** @param {Turn} turn */
  run(turn) {
    try {
      this.watchOver(turn, this.inside.vm.cpuTime);
      this.stretch.begin();
      this.give(turn);
      this.giveAhead();
    } catch {
      this.lost();
    }
  }

  /** From now on that turn is the one that runs. @param {Turn} turn @param {bigint} begunCpu */
  watchOver(turn, begunCpu) {
    const account = /** @type {Account} */ (this.accounts.get(turn.rid));
    this.turn = turn;
    this.spentNs = 0;
    this.nativeBeforeNs = this.nativeNs;
    this.begunCpu = begunCpu;
    this.watch = this.services.watchdog.begin(this, account.limitNs - account.usedNs, true);
  }

  /**
   * Requests that may begin when the isolate is done with what it has. Whether they have begun is asked of the claims;
   * only then is it too late to give them to another isolate.
   */
  giveAhead() {
    while (this.queue.length > 0 && this.ahead.takes(this.queue[0]) && !this.watch?.busy) {
      const turn = /** @type {Turn} */ (this.queue.shift());
      if (turn.dropped) continue;
      this.ahead.turns.push(turn);
      this.give(turn);
    }
  }

  /** @param {Turn} turn */
  give(turn) {
    const { claims, deliver, drain } = this.inside;
    const { ivm } = this.services;
    const dueMs = turn.kind === TIMER ? this.timers.begin(turn.rid, turn.id) : 0;
    this.nowMs = Math.max(this.nowMs, Date.now(), dueMs); // timers of Node's may be early by the clock's grain
    const ended = this.ended.length === 0 ? "" : this.ended.join();
    this.ended.length = 0;
    // Copied twice rather than moved: what moves in is not counted once Worker code has transferred it.
    const bin = turn.bin && new ivm.ExternalCopy(turn.bin, { transferOut: true }).copyInto({ release: true });
    turn.place = claims.open();
    // At once, so that the isolate's thread is woken once. Never by the synchronous calls: Worker code that is left
    // over (finalizers, getters of errors) would run in them, on the host's thread.
    const given = [turn.place, turn.kind, turn.rid, turn.id, turn.text, this.nowMs, ended, bin];
    deliver.apply(undefined, given).then(undefined, (error) => (turn.rejection = { error }));
    drain.apply(undefined, NO_ARGUMENTS, COPIED).then(
      (given) => {
        turn.drained = drainedFrom(/** @type {any} */ (given), claims.measured(turn.place));
        if (turn === this.turn) this.finish(turn, turn.drained.heap);
      },
      () => {
        if (!turn.withdrawn) this.lost();
      },
    );
  }

  lost() {
    this.die("exceededMemory", "the engine ended the isolate");
  }

  /** Whether the isolate is done with the turn that is thought to run: what came of it is on its way. */
  hasMovedOn() {
    return this.turn !== null && (this.turn.drained !== null || this.ahead.nextHasBegun());
  }

  /** @param {Turn} turn @param {import("./turns.js").Heap | null} heap */
  finish(turn, heap) {
    const { drained, rejection } = turn;
    if (this.dead || drained === null) return;
    if (turn.bin !== undefined && rejection?.error?.message === NO_ROOM) {
      this.die("exceededMemory", "there is no room for what came in");
      return;
    }
    if (heap === null) {
      this.askForHeap(turn);
      return;
    }
    const { goesOn } = this.ahead;
    const lengthNs = goesOn ? Number(drained.endedCpu - this.begunCpu) : this.turnLengthNs();
    if (!goesOn && lengthNs >= SHORT_TURN_NS && this.isMoving() && turn.waits++ < MOST_WAITS) {
      setImmediate(() => this.finish(turn, heap)); // its thread is about to leave the isolate
      return;
    }
    let cpuNs = lengthNs;
    if (lengthNs >= SHORT_TURN_NS && this.watch !== null) {
      cpuNs = this.stretch.cpuNs(lengthNs, goesOn ? Math.max(0, this.turnLengthNs() - lengthNs) : 0);
    }
    this.stretch.add(lengthNs, cpuNs);
    cpuNs += this.turnNativeNs();
    this.spentNs = cpuNs;
    const account = this.accounts.get(turn.rid);
    if (account !== undefined) account.usedNs += cpuNs;
    let posts = this.absorb(drained.posts);
    if (rejection !== undefined) {
      const exception = `["exception",${turn.rid},${JSON.stringify(told(rejection.error))}]`;
      posts = posts === "" ? exception : `${exception},${posts}`;
    }
    this.conclude(turn, account, heap, cpuNs, posts);
  }

  /**
   * The isolate cannot tell what it holds. It can be asked only when nothing else runs in it: one more turn may have
   * begun by now, and then it is asked after that one.
   * @param {Turn} turn
   */
  askForHeap(turn) {
    this.tellsHeap = this.ahead.allowed = false;
    this.queue.unshift(...this.ahead.withdrawAll().map(again));
    if (this.ahead.nextHasBegun()) this.finish(turn, UNKNOWN);
    else this.inside.vm.getHeapStatistics().then((found) => this.finish(turn, found), () => this.lost());
  }

  /**
   * Take in what the prelude had for the host: `timers \n wasm bytes \n number of binaries \n posts`.
   * @param {string} drained
   * @returns {string} the posts
   */
  absorb(drained) {
    if (drained === "") return "";
    const timersEnd = drained.indexOf("\n");
    const wasmEnd = drained.indexOf("\n", timersEnd + 1);
    const countEnd = drained.indexOf("\n", wasmEnd + 1);
    this.memory.wasmBytes = Number(drained.slice(timersEnd + 1, wasmEnd));
    if (timersEnd > 0) {
      this.timers.apply(drained.slice(0, timersEnd), this.nowMs, (rid) => this.accounts.has(rid));
    }
    return drained.slice(countEnd + 1);
  }

  /**
   * @param {Turn} turn
   * @param {Account | undefined} account none when the request has been ended meanwhile
   * @param {import("./turns.js").Heap} heap
   * @param {number} cpuNs
   * @param {string} posts
   */
  conclude(turn, account, heap, cpuNs, posts) {
    if (this.dead) return;
    if (account !== undefined && account.usedNs > account.limitNs && !finishes(posts, turn.rid)) {
      this.die("exceededCpu", "");
      return;
    }
    const heldBytes = this.memory.held(heap);
    this.ahead.allowed = this.tellsHeap && heldBytes <= this.memory.bytes;
    if (heldBytes > this.memory.bytes) {
      this.queue.unshift(...this.ahead.withdrawAll().map(again));
      if (!this.ahead.nextHasBegun()) {
        this.collect(turn, account, cpuNs, posts);
        return;
      } // else it is looked at when that one is over: until then nothing could be collected
    }
    this.rest();
    this.tell(turn.rid, turn.kind, cpuNs, heldBytes, posts, turn.drained?.binaries ?? NO_ARGUMENTS);
    if (turn.dropped) this.end(turn.rid);
    this.next();
  }

  /**
   * What came of a turn.
   * @param {number} rid
   * @param {number} kind
   * @param {number} cpuNs
   * @param {number} heldBytes
   * @param {string} posts
   * @param {ArrayBuffer[]} binaries
   */
  tell(rid, kind, cpuNs, heldBytes, posts, binaries) {
    const lengths = binaries.length === 0 ? "[]" : `[${binaries.map((binary) => binary.byteLength)}]`;
    const active = this.timers.active(rid);
    this.services.send(
      `["turn",${this.number},${rid},${Math.round(cpuNs)},${heldBytes},${lengths},${active},${kind}]`,
      posts === "" ? "" : `[${posts}]`,
      binaries,
    );
  }

  /**
   * Over the limit, but garbage is no reason to end it. Finalizers may run meanwhile: the watchdog looks at them as at
   * those that run when no turn does, and what they post is told as of a timer's turn, which nobody waits for.
   * @param {Turn} turn
   * @param {Account | undefined} account
   * @param {number} cpuNs
   * @param {string} posts
   */
  collect(turn, account, cpuNs, posts) {
    this.rest();
    const { vm, drain } = this.inside;
    const over = () => this.die("exceededMemory", "");
    this.services.collector
      .collect(vm)
      .then(() => Promise.all([drain.apply(undefined, NO_ARGUMENTS, COPIED), vm.getHeapStatistics()]))
      .then(([drained, after]) => {
        const [text, ...binaries] = typeof drained === "string" ? [drained] : drained;
        const late = this.absorb(text); // WebAssembly memory may have gone too
        const heldBytes = this.memory.held(after);
        if (heldBytes > this.memory.bytes) {
          over();
          return;
        }
        this.conclude(turn, account, after, cpuNs, posts);
        if (late !== "" && !this.dead) this.tell(turn.rid, TIMER, 0, heldBytes, late, binaries);
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

  /** How long the isolate has run since its last turn was over; 0 when it does not run, or is watched. */
  restlessNs() {
    if (this.dead || this.watch !== null || !this.isMoving()) return 0;
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
    const unbegun = this.queue.filter((turn) => !turn.dropped && !this.accounts.has(turn.rid));
    const waiting = [...this.ahead.withdrawAll(), ...unbegun];
    this.queue = this.queue.filter((turn) => this.accounts.has(turn.rid));
    this.services.send(`["busy",${this.number},[${beginnings(waiting)}]]`);
  }

  // --- end

  /** Safe to call again. @param {string} reason @param {string} detail */
  die(reason, detail) {
    if (this.dead) return;
    this.dead = true;
    this.timers.dropAll();
    const withdrawn = this.ahead.withdrawAll();
    if (this.watch !== null) this.services.watchdog.end(this.watch);
    const { vm } = this.inside;
    if (!vm.isDisposed) {
      vm.getHeapStatistics().catch(ignore); // so that its own thread is the last to hold it, and takes it apart
      vm.dispose();
    }
    const rid = this.turn === null ? "null" : this.turn.rid;
    const unbegun = beginnings([...withdrawn, ...this.queue.filter((turn) => !turn.dropped)]);
    this.queue = [];
    this.services.gone(this.number);
    const spentNs = Math.round(this.spentNs);
    this.services.send(`["dead",${this.number},"${reason}",${rid},${spentNs},[${unbegun}]]`, detail);
  }
}

const ignore = () => {};

module.exports = { Isolate };
