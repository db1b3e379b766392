// AbortController and AbortSignal. https://dom.spec.whatwg.org/#aborting-ongoing-activities

/** `onAbort(signal, step)`: a step of the prelude's own, before any listener; returns a function that takes it back. */
let onAbort, isAbortSignal, isAborted, abortReason, makeSignal, signalAbort;

const signalToken = {};

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  #onabort = null;
  #listens = false;
  /** @type {Set<() => void> | null} */
  #steps = null;
  /** @type {Set<AbortSignal> | null} for a signal made by any(): the signals it follows */
  #sources = null;
  /** @type {Set<AbortSignal> | null} the signals made by any() that follow this one */
  #dependents = null;

  static {
    isAbortSignal = (value) => isObject(value) && #aborted in value;
    isAborted = (signal) => signal.#aborted;
    abortReason = (signal) => signal.#reason;
    makeSignal = () => new AbortSignal(signalToken);
    onAbort = (signal, step) => {
      if (signal.#aborted) return () => {};
      signal.#steps ??= new Set();
      setAdd(signal.#steps, step);
      return () => {
        if (signal.#steps !== null) setDelete(signal.#steps, step);
      };
    };
    signalAbort = (signal, reason = new DOMException("The operation was aborted", "AbortError")) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason;
      const following = [];
      if (signal.#dependents !== null) {
        setForEach(signal.#dependents, (dependent) => {
          if (dependent.#aborted) return;
          dependent.#aborted = true;
          dependent.#reason = reason;
          append(following, dependent);
        });
        signal.#dependents = null;
      }
      signal.#runSteps();
      for (let i = 0; i < following.length; i++) following[i].#runSteps();
    };
  }

  constructor(token = undefined) {
    if (token !== signalToken) throw new TypeError("Illegal constructor");
    super();
  }
  #runSteps() {
    const steps = this.#steps;
    this.#steps = null;
    if (steps !== null) setForEach(steps, (step) => step());
    fireTrusted(this, new Event("abort"));
  }
  #follow(source) {
    source.#dependents ??= new Set();
    setAdd(source.#dependents, this);
    setAdd(this.#sources, source);
  }

  static abort(reason = undefined) {
    const signal = makeSignal();
    signal.#aborted = true;
    signal.#reason = reason === undefined ? new DOMException("The operation was aborted", "AbortError") : reason;
    return signal;
  }
  static timeout(milliseconds) {
    requireArguments(arguments.length, 1, "AbortSignal.timeout");
    const ms = mathTrunc(+milliseconds);
    if (!numberIsFinite(ms) || ms < 0 || ms > MAX_SAFE_INTEGER) {
      throw new TypeError("AbortSignal.timeout: the time is not a number of milliseconds.");
    }
    const signal = makeSignal();
    hooks.setTimer(() => {
      signalAbort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    }, ms);
    return signal;
  }
  static any(signals) {
    requireArguments(arguments.length, 1, "AbortSignal.any");
    const sources = [];
    for (const signal of signals) {
      if (!isAbortSignal(signal)) throw new TypeError("AbortSignal.any: not an AbortSignal.");
      append(sources, signal);
    }
    const result = makeSignal();
    for (let i = 0; i < sources.length; i++) {
      if (sources[i].#aborted) {
        result.#aborted = true;
        result.#reason = sources[i].#reason;
        return result;
      }
    }
    result.#sources = new Set();
    for (let i = 0; i < sources.length; i++) {
      if (sources[i].#sources === null) result.#follow(sources[i]);
      else setForEach(sources[i].#sources, (source) => result.#follow(source));
    }
    return result;
  }
  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
  get onabort() {
    return this.#onabort;
  }
  set onabort(handler) {
    this.#onabort = isObject(handler) ? handler : null;
    if (this.#onabort === null || this.#listens) return;
    this.#listens = true;
    addListener(this, "abort", (event) => {
      if (typeof this.#onabort === "function") reflectApply(this.#onabort, this, [event]);
    });
  }
}
webInterface(AbortSignal);
const addListener = uncurryThis(EventTarget.prototype.addEventListener);

class AbortController {
  #signal = makeSignal();
  get signal() {
    return this.#signal;
  }
  abort(reason = undefined) {
    signalAbort(this.#signal, reason);
  }
}
webInterface(AbortController);
