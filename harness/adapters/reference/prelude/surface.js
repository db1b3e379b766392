// What a Worker finds on globalThis.

const navigatorToken = {};
class Navigator {
  #userAgent = "Cloudflare-Workers";
  constructor(token = undefined) {
    if (token !== navigatorToken) throw new TypeError("Illegal constructor");
  }
  get userAgent() {
    return this.#userAgent;
  }
}
webInterface(Navigator);

class Scheduler {
  #made = true;
  constructor(token = undefined) {
    if (token !== navigatorToken) throw new TypeError("Illegal constructor");
  }
  /** A promise that is kept after a time; broken when `options.signal` is aborted before. */
  wait(milliseconds, options = undefined) {
    return new Promise((resolve, reject) => {
      this.#made;
      requireArguments(arguments.length, 1, "Scheduler.wait");
      const { signal } = requireDictionary(options, "Scheduler.wait");
      if (signal !== undefined && !isAbortSignal(signal)) throw new TypeError("Scheduler.wait: no AbortSignal.");
      if (signal !== undefined && isAborted(signal)) throw abortReason(signal);
      let takeBack = null;
      const id = hooks.setTimer(() => {
        if (takeBack !== null) takeBack();
        resolve();
      }, mathMax(mathTrunc(+milliseconds) || 0, 0));
      if (signal === undefined) return;
      takeBack = onAbort(signal, () => {
        if (hooks.clearTimer !== null) hooks.clearTimer(id);
        reject(abortReason(signal));
      });
    });
  }
}
webInterface(Scheduler);

/** Puts a name on the global object with the attributes Web IDL gives it; takes the place of what is there. */
const publish = (names) => {
  for (const name of objectKeys(names)) {
    defineProperty(globalThis, name, hidden(names[name]));
  }
};

publish({
  AbortController, AbortSignal, Blob, Crypto, CustomEvent, DOMException, Date, Event, EventTarget, File, FormData,
  Headers, Navigator, Performance, Scheduler, SubtleCrypto, TextDecoder, TextDecoderStream, TextEncoder,
  TextEncoderStream, URL, URLSearchParams,
  atob, btoa, console, crypto, performance, queueMicrotask, reportError, structuredClone,
  navigator: new Navigator(navigatorToken), scheduler: new Scheduler(navigatorToken), self: globalThis,
});
publish(streams);
for (const name of objectKeys(streams)) setAdd(platformPrototypes, streams[name].prototype);

/**
 * Deals with what V8 puts on the global object only with a context, after the snapshot. To be called in each new
 * context before any Worker code runs.
 */
function prepareContext() {
  // Memory that two threads may share is not counted, and Atomics.wait on it would stop the isolate's thread.
  deleteProperty(globalThis, "SharedArrayBuffer");
  late.isError = Error.isError ?? late.isError;
  viewKinds.Float16Array = globalThis.Float16Array;
  installWebAssembly();
}
