// Durable Objects: one instance for each id, kept between requests, and whom it lets in.

const stateToken = {};

/** One object in this isolate. Requests of one object may use each other's I/O. */
class LiveObject {
  place;
  stored;
  instance = null;
  /** How many blockConcurrencyWhile are under way. */
  blocks = 0;
  /** In whose name the last of them was begun. @type {Invocation | null} */
  blocker = null;
  /** In the order they came. @type {{invocation: Invocation, timer: number, enter: () => void}[]} */
  waiting = safeList();
  constructor(place, stored) {
    this.place = place;
    this.stored = stored;
    stored.owner = this;
  }
}

/** @type {Map<string, LiveObject>} by class and id */
const liveObjects = new SafeMap();

class DurableObjectState {
  #live;
  #id;
  #storage;
  constructor(token, live, id) {
    if (token !== stateToken) throw new TypeError("Illegal constructor");
    this.#live = live;
    this.#id = id;
    this.#storage = new DurableObjectStorage(storageToken, live.stored);
  }
  get id() {
    return this.#id;
  }
  get storage() {
    return this.#storage;
  }
  waitUntil(promise) {
    if (current !== null) keepOpen(current, promise);
  }
  /** No request enters before the callback's promise is settled. When it is rejected, the object is made anew. */
  async blockConcurrencyWhile(callback) {
    const live = this.#live;
    live.blocks += 1;
    live.blocker = requireRequest("blockConcurrencyWhile()");
    live.blocker.blocked = live;
    try {
      return await reflectApply(callback, undefined, []);
    } catch (error) {
      breakObject(live);
      throw error;
    } finally {
      live.blocks -= 1;
      if (live.blocks === 0) letIn(live);
    }
  }
}
webInterface(DurableObjectState);

/** The instance is of no use any more: the next request makes another one. @param {LiveObject} live */
function breakObject(live) {
  if (liveObjects.get(live.place) === live) liveObjects.delete(live.place);
}

/** Every waiting request enters in a turn of its own. @param {LiveObject} live */
function letIn(live) {
  live.blocker = null;
  const { waiting } = live;
  live.waiting = safeList();
  for (let index = 0; index < waiting.length; index += 1) {
    const { invocation, timer, enter } = waiting[index];
    if (invocation.over) continue;
    disarmTimer(timer);
    armTimer(invocation, enter, 0);
  }
}

/** The request in whose name an object blocks is over: what it waits for never comes. @param {LiveObject} live */
function unblock(live, invocation) {
  if (live.blocker !== invocation) return;
  breakObject(live);
  letIn(live);
}

/** Does a part of a request; what it throws is the request's failure. */
function guarded(invocation, work) {
  try {
    work();
  } catch (error) {
    failRequest(invocation, error);
  }
}

/**
 * Lets an event into its object, at once or when the object lets requests in again.
 * @param {Invocation} invocation
 * @param {any} event with class, id, name and storage
 * @param {(instance: object) => unknown} use
 * @param {(result: unknown) => void} answer
 */
function enterObject(invocation, event, use, answer) {
  const place = `${event.class}/${event.id}`;
  let live = liveObjects.get(place);
  if (live === undefined) {
    live = new LiveObject(place, new StoredEntries(event.storage));
    liveObjects.set(place, live);
  }
  live.stored.handle = event.storage;
  invocation.domain = live;
  if (live.instance === null && live.blocks === 0) makeInstance(live, event);
  if (live.blocks === 0) {
    answer(use(live.instance));
    return;
  }
  // The timer that never goes off tells the host that this request is waiting for something.
  const timer = armTimer(invocation, () => {}, LONGEST_MS);
  const enter = () => guarded(invocation, () => enterObject(invocation, event, use, answer));
  live.waiting[live.waiting.length] = { __proto__: null, invocation, timer, enter };
}

/** @throws {TypeError} when there is no such class, and whatever its constructor throws */
function makeInstance(live, event) {
  const entry = exported.get(event.class);
  if (entry === undefined || !entry.isClass) throw new TypeError(`The Worker exports no class ${quote(event.class)}.`);
  const id = new DurableObjectId(bindingToken, event.id, event.name ?? undefined);
  const state = new DurableObjectState(stateToken, live, id);
  try {
    live.instance = reflectConstruct(entry.value, [state, env]);
  } catch (error) {
    breakObject(live);
    throw error;
  }
}
