"use strict";

// What an isolate holds, what it may, and how its garbage is collected.

const v8 = require("node:v8");

const MIB = 1 << 20;
const SMALLEST_MIB = 8; // isolated-vm takes no less

/**
 * `backstop_bytes` is the engine's own limit on heap and buffers, which also acts within a turn.
 * @typedef {{
 *   memory_bytes: number, backstop_bytes?: number, count_heap?: boolean, count_buffers?: boolean, count_wasm?: boolean,
 *   wasm_weight?: number,
 * }} MemorySettings
 */

class MemoryLimit {
  /** @param {MemorySettings} settings */
  constructor(settings) {
    this.bytes = settings.memory_bytes;
    this.engineMib = Math.max(SMALLEST_MIB, Math.ceil((settings.backstop_bytes ?? settings.memory_bytes) / MIB));
    this.heapWeight = settings.count_heap === false ? 0 : 1;
    this.bufferWeight = settings.count_buffers === false ? 0 : 1;
    this.wasmWeight = settings.wasm_weight ?? (settings.count_wasm === false ? 0 : 1);
    /** What the prelude said last. */
    this.wasmBytes = 0;
  }

  /** A new limit. The engine's own stays. @param {number} bytes */
  allow(bytes) {
    this.bytes = bytes;
  }

  /** @param {import("isolated-vm").HeapStatistics} heap */
  held(heap) {
    return (
      heap.used_heap_size * this.heapWeight +
      heap.externally_allocated_size * this.bufferWeight +
      this.wasmBytes * this.wasmWeight
    );
  }
}

const MOST_ATTEMPTS = 5;

/**
 * Garbage collection on demand. V8 has it as a global function of every context that is made while a flag is set, and
 * such a global cannot be taken away again: so no Worker's context is made then, and one is made for it each time.
 */
class Collector {
  constructor() {
    this.collecting = 0;
    this.show(false);
  }

  /** @param {boolean} shown */
  show(shown) {
    v8.setFlagsFromString(shown ? "--expose-gc" : "--no-expose-gc");
  }

  /**
   * The result of `make`, which makes a context in which there is no such function.
   * @template T
   * @param {() => T} make
   * @returns {T}
   */
  hidden(make) {
    if (this.collecting === 0) return make();
    this.show(false);
    try {
      return make();
    } finally {
      this.show(true);
    }
  }

  /**
   * Rejects when the isolate is gone, be it because it has too little room even so.
   * @param {import("isolated-vm").Isolate} vm
   */
  async collect(vm) {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const context = await this.makeContext(vm);
      const collect = await context.global.get("gc", { reference: true });
      context.release();
      if (collect.typeof !== "function") continue; // somebody's context was made at the same time
      await collect.apply(undefined, []);
      return;
    }
  }

  /** @param {import("isolated-vm").Isolate} vm */
  async makeContext(vm) {
    if (this.collecting++ === 0) this.show(true);
    try {
      return await vm.createContext();
    } finally {
      if (--this.collecting === 0) this.show(false);
    }
  }
}

module.exports = { Collector, MemoryLimit };
