// Event, CustomEvent, EventTarget. https://dom.spec.whatwg.org/#events

/** `beginDispatch(event, target, trusted)` and so on: what EventTarget may do to an event, and no Worker. */
let beginDispatch, endDispatch, isDispatching, isStopped, isStoppedNow, setPassive;

class Event {
  #type;
  #bubbles;
  #cancelable;
  #composed;
  #timeStamp = clock.nowMs;
  #target = null;
  #currentTarget = null;
  #phase = 0;
  #trusted = false;
  #dispatching = false;
  #stopped = false;
  #stoppedNow = false;
  #canceled = false;
  #passive = false;

  static {
    beginDispatch = (event, target, trusted) => {
      event.#target = event.#currentTarget = target;
      event.#trusted = trusted;
      event.#dispatching = true;
      event.#phase = 2;
    };
    endDispatch = (event) => {
      event.#currentTarget = null;
      event.#phase = 0;
      event.#dispatching = event.#stopped = event.#stoppedNow = false;
      return !event.#canceled;
    };
    isDispatching = (event) => event.#dispatching;
    isStopped = (event) => event.#stopped;
    isStoppedNow = (event) => event.#stoppedNow;
    setPassive = (event, passive) => {
      event.#passive = passive;
    };
  }

  constructor(type, init = undefined) {
    requireArguments(arguments.length, 1, "Event");
    this.#type = `${type}`;
    const { bubbles, cancelable, composed } = requireDictionary(init, "Event");
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
    this.#composed = !!composed;
  }
  get type() {
    return this.#type;
  }
  get target() {
    return this.#target;
  }
  get srcElement() {
    return this.#target;
  }
  get currentTarget() {
    return this.#currentTarget;
  }
  composedPath() {
    return this.#dispatching ? [this.#currentTarget] : [];
  }
  get eventPhase() {
    return this.#phase;
  }
  stopPropagation() {
    this.#stopped = true;
  }
  get cancelBubble() {
    return this.#stopped;
  }
  set cancelBubble(value) {
    if (value) this.#stopped = true;
  }
  stopImmediatePropagation() {
    this.#stopped = this.#stoppedNow = true;
  }
  get bubbles() {
    return this.#bubbles;
  }
  get cancelable() {
    return this.#cancelable;
  }
  get returnValue() {
    return !this.#canceled;
  }
  set returnValue(value) {
    if (!value) this.#cancel();
  }
  preventDefault() {
    this.#cancel();
  }
  #cancel() {
    if (this.#cancelable && !this.#passive) this.#canceled = true;
  }
  get defaultPrevented() {
    return this.#canceled;
  }
  get composed() {
    return this.#composed;
  }
  get isTrusted() {
    return this.#trusted;
  }
  get timeStamp() {
    return this.#timeStamp;
  }
}
webInterface(Event);
webConstants(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });

class CustomEvent extends Event {
  #detail;
  constructor(type, init = undefined) {
    super(type, init);
    this.#detail = init?.detail ?? null;
  }
  get detail() {
    return this.#detail;
  }
}
webInterface(CustomEvent);

/** Dispatches an event of the prelude's own making. */
let fireTrusted;

class EventTarget {
  /** @type {Array<{type, callback, capture, once, passive, removed}>} in the order they were added */
  #listeners = [];

  static {
    fireTrusted = (target, event) => target.#dispatch(event, true);
  }

  addEventListener(type, callback, options = undefined) {
    this.#listeners;
    requireArguments(arguments.length, 2, "EventTarget.addEventListener");
    const { capture, once, passive, signal } = isObject(options) ? options : { __proto__: null, capture: options };
    if (signal !== undefined && !isAbortSignal(signal)) {
      throw new TypeError("EventTarget.addEventListener: the signal is not an AbortSignal.");
    }
    if (callback === null || callback === undefined) return;
    if (!isObject(callback)) throw new TypeError("EventTarget.addEventListener: the listener is not an object.");
    if (signal !== undefined && isAborted(signal)) return;
    type = `${type}`;
    if (this.#find(type, callback, !!capture) >= 0) return;
    const listener = {
      __proto__: null, type, callback, capture: !!capture, once: !!once, passive: !!passive, removed: false,
    };
    append(this.#listeners, listener);
    if (signal !== undefined) onAbort(signal, () => this.#remove(type, callback, listener.capture));
  }
  removeEventListener(type, callback, options = undefined) {
    this.#listeners;
    requireArguments(arguments.length, 2, "EventTarget.removeEventListener");
    this.#remove(`${type}`, callback, !!(isObject(options) ? options.capture : options));
  }
  dispatchEvent(event) {
    this.#listeners;
    requireArguments(arguments.length, 1, "EventTarget.dispatchEvent");
    if (!isPrototypeOf(Event.prototype, event)) throw new TypeError("EventTarget.dispatchEvent: not an Event.");
    if (isDispatching(event)) throw new DOMException("The event is already being dispatched.", "InvalidStateError");
    return this.#dispatch(event, false);
  }
  #find(type, callback, capture) {
    for (let i = 0; i < this.#listeners.length; i++) {
      const listener = this.#listeners[i];
      if (listener.type === type && listener.callback === callback && listener.capture === capture) return i;
    }
    return -1;
  }
  #remove(type, callback, capture) {
    const at = this.#find(type, callback, capture);
    if (at < 0) return;
    this.#listeners[at].removed = true;
    removeAt(this.#listeners, at);
  }
  #dispatch(event, trusted) {
    beginDispatch(event, this, trusted);
    const type = readType(event);
    const called = [];
    for (let i = 0; i < this.#listeners.length; i++) {
      if (this.#listeners[i].type === type) append(called, this.#listeners[i]);
    }
    for (let pass = 0; pass < 2 && !isStopped(event); pass++) {
      for (let i = 0; i < called.length && !isStoppedNow(event); i++) {
        const listener = called[i];
        if (listener.removed || listener.capture !== (pass === 0)) continue;
        if (listener.once) this.#remove(type, listener.callback, listener.capture);
        setPassive(event, listener.passive);
        try {
          const { callback } = listener;
          if (typeof callback === "function") reflectApply(callback, this, [event]);
          else {
            const { handleEvent } = callback;
            if (typeof handleEvent !== "function") throw new TypeError("handleEvent is not a function.");
            reflectApply(handleEvent, callback, [event]);
          }
        } catch (error) {
          need("console");
          reportError(error);
        }
        setPassive(event, false);
      }
    }
    return endDispatch(event);
  }
}
webInterface(EventTarget);
const readType = uncurryGetter(Event.prototype, "type");
