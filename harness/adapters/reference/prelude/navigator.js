// navigator and scheduler.

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

const navigator = new Navigator(navigatorToken);
const scheduler = new Scheduler(navigatorToken);
