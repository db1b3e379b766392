// Timers: armed by the host, fired in a turn of their own. They belong to the request that set them and end with it.

const LONGEST_MS = 2_147_483_647;

/**
 * All that are set, by id.
 * @type {Map<number, {invocation: Invocation, callback: Function, args: any[], ms: number, repeats: boolean}>}
 */
const timers = new SafeMap();

/** @param {Invocation} invocation @param {Function} callback @param {unknown} ms @returns {number} */
function armTimer(invocation, callback, ms, args = [], repeats = false) {
  const wanted = mathTrunc(Number(ms));
  const wait = wanted > 0 ? mathMin(wanted, LONGEST_MS) : 0; // NaN too
  lastId += 1;
  const timer = { __proto__: null, invocation, callback, args, ms: wait, repeats };
  timers.set(lastId, timer);
  invocation.timers ??= new SafeMap();
  invocation.timers.set(lastId, timer);
  postTimer(invocation, lastId, wait);
  return lastId;
}

/** @param {number} ms -1 cancels */
function postTimer(invocation, id, ms) {
  timerOutbox += `${timerOutbox === "" ? "" : ","}${invocation.rid}:${id}:${ms}`;
}

/** @param {unknown} id anything: what is no timer's is ignored */
function disarmTimer(id) {
  const timer = timers.get(id);
  if (timer === undefined) return;
  dropTimer(timer, id);
  postTimer(timer.invocation, id, -1);
}

function dropTimer(timer, id) {
  timers.delete(id);
  timer.invocation.timers.delete(id);
}

/** The host says that its time has come. */
function fireTimer(invocation, id) {
  const timer = timers.get(id);
  if (timer === undefined) return;
  if (!timer.repeats) dropTimer(timer, id);
  try {
    reflectApply(timer.callback, undefined, timer.args);
  } catch (error) {
    postException(invocation, error);
  }
  if (timer.repeats && timers.get(id) === timer) postTimer(invocation, id, timer.ms);
}

function setTimerOfWorker(name, callback, ms, args, repeats) {
  if (typeof callback !== "function") throw new TypeError(`${name}: the callback is not a function.`);
  return armTimer(requireRequest(`${name}()`), callback, ms, args, repeats);
}

// As methods of an object, so that they are no constructors and have their names.
const { setTimeout, setInterval, clearTimeout, clearInterval } = {
  setTimeout(callback, ms = 0, ...args) {
    return setTimerOfWorker("setTimeout", callback, ms, args, false);
  },
  setInterval(callback, ms = 0, ...args) {
    return setTimerOfWorker("setInterval", callback, ms, args, true);
  },
  clearTimeout(id) {
    disarmTimer(id);
  },
  clearInterval(id) {
    disarmTimer(id);
  },
};

hooks.setTimer = (callback, ms) => armTimer(requireRequest("setting a timeout"), callback, ms);
hooks.clearTimer = disarmTimer;
