"use strict";

// The requests that an isolate was given before it was done with another: its thread goes on with them without being
// woken for each. Until it begins one, that can be taken back.

const { BEGIN } = require("./turns.js");

/** @typedef {import("./turns.js").Turn} Turn */

const MOST = 8;

class Ahead {
  /** @param {import("./claims.js").Claims} claims */
  constructor(claims) {
    this.claims = claims;
    /** @type {Turn[]} */
    this.turns = [];
    this.allowed = true;
  }

  /** Whether that turn may be given now: a request that begins, and brings no bytes along. @param {Turn} turn */
  takes(turn) {
    return this.allowed && this.turns.length < MOST && turn.kind === BEGIN && turn.bin === undefined;
  }

  /** The next one that is still the isolate's. */
  shift() {
    let turn = this.turns.shift();
    while (turn?.withdrawn) turn = this.turns.shift();
    return turn;
  }

  /** Whether there is one. */
  get goesOn() {
    return this.turns.some((turn) => !turn.withdrawn);
  }

  nextHasBegun() {
    const next = this.turns.find((turn) => !turn.withdrawn);
    return next !== undefined && this.claims.hasBegun(next.place);
  }

  /** Whether it was in time: then the turn will not begin. @param {Turn} turn */
  withdraw(turn) {
    turn.withdrawn ||= this.claims.withdraw(turn.place);
    return turn.withdrawn;
  }

  /** Those that have not begun, taken back. */
  withdrawAll() {
    const open = this.turns.filter((turn) => !turn.withdrawn && !turn.dropped);
    return open.filter((turn) => this.withdraw(turn));
  }
}

module.exports = { Ahead };
