"use strict";

// The sources of a lean prelude's pieces on their way into isolates, which share the one copy that is here.

class Pieces {
  /**
   * @param {typeof import("isolated-vm")} ivm
   * @param {import("./lean.js").Lean} prelude
   */
  constructor(ivm, prelude) {
    this.ivm = ivm;
    this.prelude = prelude;
    /** @type {Map<string, import("isolated-vm").ExternalCopy<string>>} */
    this.copies = new Map();
  }

  /** @param {string} name @returns what becomes a string in the isolate, over memory that is not the isolate's */
  textOf(name) {
    let copy = this.copies.get(name);
    if (copy === undefined) {
      copy = new this.ivm.ExternalCopy(this.prelude.piece(name).text);
      this.copies.set(name, copy);
    }
    return copy.copyInto();
  }
}

module.exports = { Pieces };
