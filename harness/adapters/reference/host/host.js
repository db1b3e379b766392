"use strict";

// The isolate host: node host.js NODE_MODULES PRELUDE_FOLDER [DESCRIPTOR]. The protocol's socket is descriptor 3 unless
// another is given.
//
// Mechanism only. What is made, when it ends and what its limits are is said by the control plane at the other end.

const net = require("node:net");
const path = require("node:path");
const v8 = require("node:v8");

const { FrameReader, FrameWriter } = require("./frames.js");
const { Isolate } = require("./isolate.js");
const { Collector } = require("./memory.js");
const { keptPreludes } = require("./snapshot.js");
const { Starter } = require("./starting.js");
const { ThreadClock } = require("./thread_clock.js");
const { newTurn } = require("./turns.js");
const { Watchdog } = require("./watchdog.js");

const PROTOCOL_DESCRIPTOR = 3;
const V8_FLAGS = [
  "--max-semi-space-size=0", // as V8 has it: the small one it is started with is for the host alone
  "--wasm-max-mem-pages=2048", // 128 MiB for one memory: V8 does not count it
  "--no-concurrent-array-buffer-sweeping", // or what a collection has found is freed some time after it
  // The phases that unroll loops also take out stack checks, of endless loops too when a short loop is inside: such
  // code could never be stopped (`for (;;) new Array(1000).fill(0)`).
  "--no-turboshaft-loop-unrolling",
  "--no-wasm-loop-unrolling",
];

/**
 * What an isolate needs of the host.
 * @typedef {{
 *   ivm: typeof import("isolated-vm"), starter: Starter, collector: Collector, watchdog: Watchdog,
 *   threadClock: ThreadClock,
 *   send: (header: string, text?: string, binaries?: ArrayBuffer[]) => void, gone: (number: number) => void,
 * }} Services
 */

/** At once, whatever runs: leaving in an orderly way can crash when isolates are in use. */
const endProcess = () => process.kill(process.pid, "SIGKILL");

class Host {
  /** @param {string} nodeModules @param {string} preludeFolder @param {number} descriptor */
  constructor(nodeModules, preludeFolder, descriptor) {
    const folder = path.resolve(nodeModules, "isolated-vm");
    /** @type {typeof import("isolated-vm")} */
    const ivm = require(folder);
    const threadClock = new ThreadClock();
    const collector = new Collector();
    const watchdog = new Watchdog(threadClock);
    const isIdle = () => watchdog.watches.size === 0;
    const { version } = require(path.join(folder, "package.json"));
    const preludes = keptPreludes(ivm, preludeFolder, path.resolve(nodeModules), [version, ...V8_FLAGS]);
    const starter = new Starter(ivm, preludes, collector, isIdle);
    starter.tryOut();
    const socket = new net.Socket({ fd: descriptor, readable: true, writable: true });
    const writer = new FrameWriter(socket);
    /** @type {Map<number, Isolate>} */
    this.isolates = new Map();
    /** @type {Services} */
    this.services = {
      ivm,
      starter,
      collector,
      threadClock,
      watchdog,
      send: (header, text, binaries) => writer.send(header, text, binaries),
      gone: (number) => this.isolates.delete(number),
    };
    const reader = new FrameReader((header, text, bin) => this.receive(header, text, bin));
    socket.on("data", (chunk) => reader.push(chunk));
    for (const ending of ["end", "error", "close"]) socket.on(ending, endProcess);
    writer.send(JSON.stringify(["hello", { node: process.version, isolated_vm: version, pid: process.pid }]));
  }

  /** @param {any[]} header @param {string} text @param {ArrayBuffer | undefined} bin */
  receive(header, text, bin) {
    const [what, number] = header;
    if (what === "turn") this.turn(header, text, bin);
    else if (what === "end") this.isolates.get(number)?.end(header[2]);
    else if (what === "isolate") this.make(number, header[2], JSON.parse(text));
    else if (what === "kill") this.isolates.get(number)?.die("killed", "");
    else if (what === "memory") this.isolates.get(number)?.memory.allow(header[2]);
    else if (what === "settings") this.services.watchdog.busyNs = number.busy_ms * 1e6;
    else throw new Error(`no message is called ${what}`);
  }

  /** @param {any[]} header @param {string} text @param {ArrayBuffer | undefined} bin */
  turn(header, text, bin) {
    const [, number, rid, kind, id, limitNs] = header;
    const isolate = this.isolates.get(number);
    if (isolate === undefined) return;
    const turn = newTurn(rid, kind, id);
    turn.limitNs = limitNs;
    turn.text = text;
    turn.bin = bin;
    isolate.push(turn);
  }

  /** @param {number} number @param {any} settings @param {any} code */
  make(number, settings, code) {
    try {
      const isolate = new Isolate(number, settings, code, this.services);
      this.isolates.set(number, isolate);
      void isolate.start(code);
    } catch (error) {
      this.services.send(`["dead",${number},"internalError",null,0,[]]`, String(error));
    }
  }
}

/** @param {string[]} given */
function main(given) {
  const [nodeModules, preludeFolder, descriptor = PROTOCOL_DESCRIPTOR] = given;
  if (preludeFolder === undefined || given.length > 3) {
    process.stderr.write("usage: node host.js NODE_MODULES PRELUDE_FOLDER [DESCRIPTOR]\n");
    process.exit(64);
  }
  for (const flag of V8_FLAGS) v8.setFlagsFromString(flag);
  const host = new Host(nodeModules, preludeFolder, Number(descriptor));
  // From here on nothing that one isolate causes may end the others.
  const report = (/** @type {unknown} */ error) => {
    process.stderr.write(`isolate host: ${error instanceof Error ? error.stack : error}\n`);
  };
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
  return host;
}

main(process.argv.slice(2));
