// performance.

/** Workers' `performance`: its origin is 1970, so `now()` is the frozen clock itself. */
class Performance {
  #made;
  constructor(token = undefined) {
    if (token !== clock) throw new TypeError("Illegal constructor");
    this.#made = true;
  }
  get timeOrigin() {
    this.#made;
    return 0;
  }
  now() {
    this.#made;
    return clock.nowMs;
  }
}
webInterface(Performance);
const performance = new Performance(clock);
