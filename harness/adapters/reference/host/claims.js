"use strict";

// Which turns an isolate has begun, of those it was given ahead of time. The host may take back what has not begun;
// who was first is settled in memory that both see.

// As entrance.js has them.
const OPEN = 0;
const BEGUN = 1;
const WITHDRAWN = 2;
/** More than are ever given and not over. */
const PLACES = 64;

class Claims {
  constructor() {
    this.shared = new SharedArrayBuffer(PLACES * Int32Array.BYTES_PER_ELEMENT);
    this.places = new Int32Array(this.shared);
    this.given = 0;
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
