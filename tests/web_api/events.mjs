// Checks of events, abort signals and DOMException. What a check is: see areas.mjs.

export const EVENTS = [
  ["listeners in their order, capturing ones first", () => {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("x", () => seen.push("a"));
    target.addEventListener("x", { handleEvent() { seen.push("b"); } }, { once: true });
    target.addEventListener("x", () => seen.push("c"), true);
    target.addEventListener("y", () => seen.push("never"));
    target.dispatchEvent(new Event("x"));
    target.dispatchEvent(new Event("x"));
    return seen;
  }, ["c", "a", "b", "c", "a"]],
  ["the same listener once", () => {
    const target = new EventTarget();
    let count = 0;
    const listener = () => count++;
    target.addEventListener("x", listener);
    target.addEventListener("x", listener);
    target.addEventListener("x", listener, { capture: true });
    target.dispatchEvent(new Event("x"));
    target.removeEventListener("x", listener);
    target.dispatchEvent(new Event("x"));
    return count;
  }],
  ["stopImmediatePropagation", () => {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("x", (event) => { seen.push(1); event.stopImmediatePropagation(); });
    target.addEventListener("x", () => seen.push(2));
    target.dispatchEvent(new Event("x"));
    return seen;
  }],
  ["preventDefault", () => {
    const target = new EventTarget();
    target.addEventListener("x", (event) => event.preventDefault());
    const passive = new EventTarget();
    passive.addEventListener("x", (event) => event.preventDefault(), { passive: true });
    return [new Event("x"), new Event("x", { cancelable: true })].map((event) => [target.dispatchEvent(event),
      event.defaultPrevented, event.returnValue])
      .concat([[passive.dispatchEvent(new Event("x", { cancelable: true }))]]);
  }],
  ["an event while it is dispatched", () => {
    const target = new EventTarget();
    let seen;
    target.addEventListener("x", function (event) {
      seen = [this === target, event.target === target, event.currentTarget === target, event.eventPhase,
        event.composedPath().length, event.isTrusted];
    });
    const event = new Event("x", { bubbles: true, composed: true });
    target.dispatchEvent(event);
    return [seen, event.target === target, event.currentTarget, event.eventPhase, event.composedPath(), event.bubbles,
      event.composed, event.type];
  }],
  ["a listener that removes another", () => {
    const target = new EventTarget();
    const seen = [];
    const second = () => seen.push(2);
    target.addEventListener("x", () => target.removeEventListener("x", second));
    target.addEventListener("x", second);
    target.addEventListener("x", () => target.addEventListener("x", () => seen.push("late")), { once: true });
    target.dispatchEvent(new Event("x"));
    return seen;
  }],
  ["a listener with a signal", () => {
    const target = new EventTarget();
    const controller = new AbortController();
    let count = 0;
    target.addEventListener("x", () => count++, { signal: controller.signal });
    target.dispatchEvent(new Event("x"));
    controller.abort();
    target.dispatchEvent(new Event("x"));
    target.addEventListener("x", () => count++, { signal: controller.signal });
    target.dispatchEvent(new Event("x"));
    return count;
  }],
  ["a listener that throws stops no other", () => {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("x", () => { throw new Error("in a listener"); });
    target.addEventListener("x", () => seen.push(2));
    return [target.dispatchEvent(new Event("x")), seen, inside.logs.length,
      inside.logs[0][1].includes("in a listener")];
  }, [true, [2], 1, true]],
  ["dispatchEvent wants an Event", () => new EventTarget().dispatchEvent({ type: "x" })],
  ["an event is not dispatched within itself", () => {
    const target = new EventTarget();
    let name;
    target.addEventListener("x", (event) => {
      try {
        target.dispatchEvent(event);
      } catch (error) {
        name = [error.name, error.code];
      }
    });
    target.dispatchEvent(new Event("x"));
    return name;
  }, ["InvalidStateError", 11]],
  ["a null listener is none", () => {
    const target = new EventTarget();
    target.addEventListener("x", null);
    return target.dispatchEvent(new Event("x"));
  }],
  ["CustomEvent", () => [new CustomEvent("x", { detail: { a: 1 } }).detail, new CustomEvent("x").detail,
    new CustomEvent("x") instanceof Event]],
  ["a subclass of EventTarget", () => {
    class Emitter extends EventTarget {}
    const emitter = new Emitter();
    let seen = 0;
    emitter.addEventListener("x", () => seen++);
    emitter.dispatchEvent(new CustomEvent("x"));
    return [seen, emitter instanceof EventTarget];
  }],
  ["AbortController", () => {
    const controller = new AbortController();
    const { signal } = controller;
    const seen = [];
    signal.onabort = (event) => seen.push(event.type, event.isTrusted, event.target === signal);
    signal.addEventListener("abort", () => seen.push("listener"));
    const before = signal.aborted;
    controller.abort("why");
    controller.abort("again");
    return [before, signal.aborted, signal.reason, seen];
  }],
  ["the default reason is an AbortError", () => {
    const controller = new AbortController();
    controller.abort();
    const { reason } = controller.signal;
    return [reason instanceof DOMException, reason instanceof Error, reason.name, reason.code,
      AbortSignal.abort().reason.name];
  }],
  ["throwIfAborted", () => AbortSignal.abort(new TypeError("x")).throwIfAborted()],
  ["AbortSignal.any follows", () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const first = AbortSignal.any([a.signal, b.signal]);
    const second = AbortSignal.any([first]);
    const seen = [];
    b.signal.addEventListener("abort", () => seen.push("source", second.aborted));
    first.addEventListener("abort", () => seen.push("first"));
    second.addEventListener("abort", () => seen.push("second"));
    b.abort(5);
    a.abort(6);
    return [seen, first.reason, second.reason, AbortSignal.any([]).aborted,
      AbortSignal.any([AbortSignal.abort(1), a.signal]).reason];
  }],
  ["AbortSignal.timeout asks for a timer", () => {
    const signal = AbortSignal.timeout(250.9);
    const { ms, callback } = inside.timers[0];
    callback();
    return [ms, signal.aborted, signal.reason.name, signal.reason.code];
  }, [250, true, "TimeoutError", 23]],
  ...["-1", "NaN", "2 ** 53", "'x'", "Infinity"].map((ms) => [
    `AbortSignal.timeout refuses ${ms}`, new Function(`return () => AbortSignal.timeout(${ms})`)(), "throws TypeError",
  ]),
  ["a step of the prelude's runs before listeners", () => {
    const controller = new AbortController();
    const seen = [];
    controller.signal.addEventListener("abort", () => seen.push("listener"));
    inside.onAbort(controller.signal, () => seen.push("step"));
    inside.onAbort(controller.signal, () => seen.push("taken back"))();
    controller.abort();
    return seen;
  }, ["step", "listener"]],
  ["AbortSignal is not to be constructed", () => new AbortSignal()],
  ["DOMException", () => {
    const error = new DOMException("a message", "DataCloneError");
    return [error.name, error.message, error.code, String(error), error instanceof Error,
      Object.prototype.toString.call(error),
      DOMException.DATA_CLONE_ERR, error.ABORT_ERR, new DOMException().name, new DOMException("x", "Made up").code,
        new DOMException("", "").code];
  }],
  ["names and codes of DOMException", () => Object.keys(DOMException).map((name) => [name, DOMException[name]])],
  ["codes of DOMException by name", () => ["IndexSizeError", "NotFoundError", "SyntaxError", "QuotaExceededError",
    "TimeoutError", "InvalidNodeTypeError", "EncodingError"]
    .map((name) => new DOMException("", name).code)],
  ["a DOMException has a stack with its name", () => {
    const error = new DOMException("a message", "AbortError");
    return [error.stack.startsWith("AbortError: a message"), Object.keys(error)];
  }],
];
