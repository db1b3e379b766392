// The storage of a Durable Object: a host call for each use, in the name of the request whose turn it is.

const storedAnswer = (text) => {
  const entries = jsonParse(text);
  const found = new Map();
  for (let index = 0; index < entries.length; index += 1) mapSet(found, entries[index][0], decoded(entries[index][1]));
  return found;
};

/** @throws {TypeError} */
function storageKey(value) {
  if (typeof value !== "string") throw new TypeError("A key of a Durable Object's storage is a string.");
  return stringToWellFormed(value);
}

/** Keys as a list of the prelude's own. @param {unknown} keys an array, or something else to iterate */
function storageKeys(keys) {
  const list = [];
  for (const key of keys) append(list, storageKey(key));
  return list;
}

const keysText = (keys) => {
  let text = "";
  for (let index = 0; index < keys.length; index += 1) text += `${index === 0 ? "" : ","}${quote(keys[index])}`;
  return `[${text}]`;
};

/** What `put` takes: a key and a value, or an object of them. @returns {Map<string, string>} values coded */
function codedEntries(key, value) {
  const entries = new Map();
  if (!isObject(key)) {
    if (value === undefined) throw new TypeError("put() called with undefined value.");
    return mapSet(entries, storageKey(key), codedText(value, undefined));
  }
  const names = objectKeys(key);
  for (let index = 0; index < names.length; index += 1) {
    if (key[names[index]] !== undefined)
      mapSet(entries, storageKey(names[index]), codedText(key[names[index]], undefined));
  }
  return entries;
}

/** @param {any} options of list() @returns {string} */
function rangeText(options) {
  const { start, startAfter, end, prefix, reverse, limit } = requireDictionary(
    options,
    "list() of a Durable Object's storage",
  );
  const key = (name, value) => (value === undefined ? "" : `,"${name}":${quote(storageKey(value))}`);
  if (limit !== undefined && !(Number(limit) > 0)) throw new TypeError("List limit must be positive.");
  const most = limit === undefined ? "" : `,"limit":${mathTrunc(Number(limit))}`;
  const keys = key("start", start) + key("startAfter", startAfter) + key("end", end) + key("prefix", prefix);
  return `{"reverse":${!!reverse}${keys}${most}}`;
}

/** The five things that the host does, by the handle of one object's storage. */
class StoredEntries {
  handle;
  /** The object whose they are. @type {LiveObject} */
  owner;
  /** @param {string} handle */
  constructor(handle) {
    this.handle = handle;
  }
  ask(method, args, convert) {
    checkOwner(this.owner);
    return callHost(`${method}() of a Durable Object's storage`, this.handle, method, args, null, convert);
  }
  get(keys) {
    return this.ask("get", keysText(keys), storedAnswer);
  }
  /** @param {Map<string, string>} entries */
  put(entries) {
    let text = "";
    mapForEach(entries, (coded, key) => (text += `${text === "" ? "" : ","}[${quote(key)},${coded}]`));
    return this.ask("put", `[${text}]`, () => undefined);
  }
  delete(keys) {
    return this.ask("delete", keysText(keys), (text) => Number(text));
  }
  list(options) {
    return this.ask("list", rangeText(options), storedAnswer);
  }
  deleteAll() {
    return this.ask("deleteAll", "", () => undefined);
  }
}

/** Writes that wait for the end of a transaction, over what is stored. */
class PendingEntries {
  stored;
  /** Coded values; null: to be deleted. @type {Map<string, string | null>} */
  writes = new Map();
  isRolledBack = false;
  constructor(stored) {
    this.stored = stored;
  }
  async get(keys) {
    const asked = [];
    for (let index = 0; index < keys.length; index += 1)
      if (!mapHas(this.writes, keys[index])) append(asked, keys[index]);
    const found = asked.length === 0 ? new Map() : await this.stored.get(asked);
    for (let index = 0; index < keys.length; index += 1) {
      const coded = mapGet(this.writes, keys[index]) ?? null;
      if (coded !== null) mapSet(found, keys[index], decoded(jsonParse(coded)));
    }
    return found;
  }
  async put(entries) {
    mapForEach(entries, (coded, key) => mapSet(this.writes, key, coded));
  }
  async delete(keys) {
    const found = await this.get(keys);
    for (let index = 0; index < keys.length; index += 1) mapSet(this.writes, keys[index], null);
    return mapSize(found);
  }
  async list(options) {
    if (mapSize(this.writes) > 0)
      throw new Error("list() in a transaction that has written is not supported by this runtime.");
    return this.stored.list(options);
  }
  async commit() {
    if (this.isRolledBack) return;
    const puts = new Map();
    const deletes = [];
    mapForEach(this.writes, (coded, key) => (coded === null ? append(deletes, key) : mapSet(puts, key, coded)));
    // Asked for in one turn, and so done one after the other with nothing of this object's in between.
    const work = [
      mapSize(puts) > 0 ? this.stored.put(puts) : null,
      deletes.length > 0 ? this.stored.delete(deletes) : null,
    ];
    await work[0];
    await work[1];
  }
}

/** `storageOver(entries)`: the public storage of a StoredEntries. */
const storageToken = {};

/** What a storage and a transaction on it have in common. Not on the global object. */
class StorageOperations {
  #entries;
  constructor(token, entries) {
    if (token !== storageToken) throw new TypeError("Illegal constructor");
    this.#entries = entries;
  }
  async get(keys, options = undefined) {
    requireDictionary(options, "get() of a Durable Object's storage");
    if (isObject(keys)) return this.#entries.get(storageKeys(keys));
    const key = storageKey(keys);
    return mapGet(await this.#entries.get([key]), key);
  }
  async put(key, value = undefined, options = undefined) {
    requireDictionary(options, "put() of a Durable Object's storage");
    const entries = codedEntries(key, value);
    if (mapSize(entries) > 0) await this.#entries.put(entries);
  }
  async delete(keys, options = undefined) {
    requireDictionary(options, "delete() of a Durable Object's storage");
    if (isObject(keys)) return this.#entries.delete(storageKeys(keys));
    return (await this.#entries.delete([storageKey(keys)])) > 0;
  }
  async list(options = undefined) {
    return this.#entries.list(options);
  }
  async getAlarm() {
    noAlarms();
  }
  async setAlarm() {
    noAlarms();
  }
  async deleteAlarm() {
    noAlarms();
  }
}
webInterface(StorageOperations);

const noAlarms = () => {
  throw new Error("Alarms of Durable Objects are not supported by this runtime.");
};

class DurableObjectTransaction extends StorageOperations {
  #pending;
  constructor(token, pending) {
    super(token, pending);
    this.#pending = pending;
  }
  rollback() {
    this.#pending.isRolledBack = true;
  }
}
webInterface(DurableObjectTransaction);

class DurableObjectStorage extends StorageOperations {
  #stored;
  constructor(token, stored) {
    super(token, stored);
    this.#stored = stored;
  }
  async deleteAll(options = undefined) {
    requireDictionary(options, "deleteAll() of a Durable Object's storage");
    await this.#stored.deleteAll();
  }
  /** What the closure writes is written when it has ended, all of it; nothing when it throws or rolls back. */
  async transaction(closure) {
    const pending = new PendingEntries(this.#stored);
    const result = await reflectApply(closure, undefined, [new DurableObjectTransaction(storageToken, pending)]);
    await pending.commit();
    return result;
  }
  /** Every write is awaited by whoever made it; there is nothing left to wait for. */
  async sync() {
    this.#stored;
  }
}
webInterface(DurableObjectStorage);
