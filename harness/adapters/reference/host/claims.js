"use strict";

// Memory that the host and an isolate both see. In it is settled which turns the isolate has begun, of those it was given
// ahead of time: the host may take back what has not begun. And the isolate writes there what it measures after each
// turn; as text, V8 would make room for many such texts in every isolate.

// As entrance.js has them.
const OPEN = 0;
const BEGUN = 1;
const WITHDRAWN = 2;
/** More than are ever given and not over. */
const PLACES = 32;
/** CPU clock in ns, heap bytes, bytes outside it; NaN for what the isolate could not tell. */
const MEASURES = 3;

class Claims {
  constructor() {
    const measuresAt = PLACES * Int32Array.BYTES_PER_ELEMENT;
    this.shared = new SharedArrayBuffer(measuresAt + PLACES * MEASURES * Float64Array.BYTES_PER_ELEMENT);
    this.places = new Int32Array(this.shared, 0, PLACES);
    this.measures = new Float64Array(this.shared, measuresAt);
    this.given = 0;
  }

  /** What the isolate measured after the turn in that place, when it has drained it. @param {number} place */
  measured(place) {
    const [endedCpu, used, outside] = this.measures.subarray(place * MEASURES, (place + 1) * MEASURES);
    const heap = Number.isNaN(used) ? null : { used_heap_size: used, externally_allocated_size: outside };
    return { endedCpu: BigInt(endedCpu), heap };
  }

  /** A place for a turn that is about to be given. */
  open() {
    const place = this.given++ % PLACES;
    Atomics.store(this.places, place, OPEN);
    return place;
  }

  /** @param {number} place */
  hasBegun(place) {
    return Atomics.load(this.places, place) === BEGUN;
  }

  /** Whether the turn was withdrawn: it will not begin. @param {number} place */
  withdraw(place) {
    return Atomics.compareExchange(this.places, place, OPEN, WITHDRAWN) === OPEN;
  }
}

module.exports = { Claims };
