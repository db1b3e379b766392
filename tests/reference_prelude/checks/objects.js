"use strict";

// Durable Objects: ids and stubs on the caller's side; instances, their storage and whom they let in on the other.

const assert = require("node:assert/strict");
const { FakeHost, evaluate, inside } = require("../fake_host.js");

const namespaces = [
  { name: "SHELVES", kind: "durable-objects", handle: "h-shelves", key: "key one" },
  { name: "OTHERS", kind: "durable-objects", handle: "h-others", key: "key two" },
];
const ID = "ab".repeat(32);

/** The host's side of one object's storage. */
function storage() {
  /** @type {Map<string, any>} */
  const entries = new Map();
  const sorted = () => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    entries,
    answers: {
      "h-storage.get": ([keys]) => [keys.filter((key) => entries.has(key)).map((key) => [key, entries.get(key)])],
      "h-storage.put": ([pairs]) => {
        for (const [key, value] of pairs) entries.set(key, value);
        return [null];
      },
      "h-storage.delete": ([keys]) => [keys.filter((key) => entries.delete(key)).length],
      "h-storage.deleteAll": () => {
        entries.clear();
        return [null];
      },
      "h-storage.list": ([{ start, startAfter, end, prefix, reverse, limit }]) => {
        let found = sorted().filter(
          ([key]) =>
            (start === undefined || key >= start) &&
            (startAfter === undefined || key > startAfter) &&
            (end === undefined || key < end) &&
            key.startsWith(prefix ?? ""),
        );
        if (reverse) found = found.reverse();
        return [found.slice(0, limit ?? found.length)];
      },
    },
  };
}

/** A Worker with one of the classes of inside/objects.mjs, as Shelf. @param {string} kind @param {any} [options] */
async function shelf(kind, options) {
  const source = `export { ${kind} as Shelf } from "./objects.mjs";\nexport default {};`;
  const host = new FakeHost({ ...inside("objects"), "index.mjs": source }, options);
  await host.start();
  return host;
}

const event = (type, id = ID, more = {}) => ({ type, class: "Shelf", id, name: "n", storage: "h-storage", ...more });

/** @param {FakeHost} host @param {string} id */
const enter = (host, path = "/", id = ID) => host.fetch(`http://object${path}`, { event: event("object-fetch", id) });

module.exports = {
  async "ids follow from names, are one namespace's own, and can be read back"() {
    const { value } = await evaluate(
      (_request, env) => {
        const { SHELVES, OTHERS } = env;
        const id = SHELVES.idFromName("one");
        return (async () => ({
          hex: String(id),
          same: SHELVES.idFromName("one").equals(id),
          other: SHELVES.idFromName("two").equals(id),
          name: id.name,
          back: SHELVES.idFromString(String(id)).equals(id),
          backName: SHELVES.idFromString(String(id)).name ?? null,
          elsewhere: String(OTHERS.idFromName("one")) === String(id),
          foreign: await caught(() => OTHERS.idFromString(String(id))),
          foreignGet: await caught(() => OTHERS.get(id)),
          malformed: await Promise.all(
            ["", "xy", "AB".repeat(32), "0".repeat(64)].map((text) => caught(() => SHELVES.idFromString(text))),
          ),
          unique: new Set([0, 1, 2].map(() => String(SHELVES.newUniqueId()))).size,
          uniqueBack: String(SHELVES.idFromString(String(SHELVES.newUniqueId()))).length,
          jurisdictions: [
            await caught(() => SHELVES.jurisdiction("eu")),
            await caught(() => SHELVES.newUniqueId({ jurisdiction: "eu" })),
          ],
          stub: [
            SHELVES.get(id).name,
            SHELVES.getByName("one").id.equals(id),
            String(SHELVES.get(id).id) === String(id),
          ],
        }))();
      },
      { bindings: namespaces },
    );
    assert.match(value.hex, /^[0-9a-f]{64}$/);
    assert.deepEqual(
      [value.same, value.other, value.name, value.back, value.backName, value.elsewhere],
      [true, false, "one", true, null, false],
    );
    for (const each of [value.foreign, value.foreignGet, ...value.malformed]) assert.match(each, /^TypeError: /);
    assert.deepEqual([value.unique, value.uniqueBack], [3, 64]);
    for (const each of value.jurisdictions) assert.match(each, /not supported/);
    assert.deepEqual(value.stub, ["one", true, true]);
  },

  async "stubs ask for their object, by fetch and by method"() {
    const { value, host } = await evaluate(
      async (_request, env) => {
        const stub = env.SHELVES.getByName("one");
        const byId = env.SHELVES.get(env.SHELVES.newUniqueId());
        return [
          await (await stub.fetch("http://object/x", { method: "PUT", body: "b" })).text(),
          await stub.add(1, 2),
          await byId.add(3, 4),
          typeof stub.then,
        ];
      },
      {
        bindings: namespaces,
        answers: {
          "h-shelves.fetch": ([, , { url }]) => [
            { status: 200, statusText: "", headers: [], body: { inline: true } },
            Buffer.from(url),
          ],
          "h-shelves.rpc": ([, name, method]) => [`${method} of ${name}`],
        },
      },
    );
    assert.deepEqual(value, ["http://object/x", "add of one", "add of null", "undefined"]);
    const ops = host.posts.filter((post) => post[0] === "op");
    assert.deepEqual(ops[0][5].slice(1), [
      "one",
      {
        url: "http://object/x",
        method: "PUT",
        headers: [["content-type", "text/plain;charset=UTF-8"]],
        body: { text: "b" },
      },
    ]);
    assert.match(ops[2][5][0], /^[0-9a-f]{64}$/);
  },

  async "one instance serves all requests of its id, and knows its id and env"() {
    const host = await shelf("Counter", { vars: { TEXT: "t" } });
    const answers = [];
    for (const id of [ID, "cd".repeat(32), ID]) {
      const rid = enter(host, "/", id);
      await host.run();
      answers.push(JSON.parse(host.outcome(rid).text));
    }
    assert.deepEqual(answers, [
      [1, 1, ID, "n", "t"],
      [2, 1, "cd".repeat(32), "n", "t"],
      [1, 2, ID, "n", "t"],
    ]);
  },

  async "methods of a class that extends DurableObject are called by RPC, others not"() {
    const host = await shelf("Counter");
    const call = async (method, ...args) => {
      const rid = host.begin({ ...event("object-rpc"), method, args: [args] });
      await host.run();
      const [kind, , answer] = host.requests.get(rid).answer;
      return kind === "fail" ? answer.name : JSON.parse(answer.c);
    };
    assert.equal(await call("add", 1, 2), 3);
    for (const name of ["absent", "ctx", "fetch", "constructor"]) assert.equal(await call(name), "TypeError");
    const plain = await shelf("Plain");
    const rid = plain.begin({ ...event("object-rpc"), method: "add", args: [[]] });
    await plain.run();
    assert.equal(plain.requests.get(rid).answer[2].name, "TypeError");
  },

  async "storage keeps values of every kind"() {
    const { entries, answers } = storage();
    const host = await shelf("Keeper", { answers });
    const rid = enter(host);
    await host.run();
    const { wrong, alarms, ...value } = JSON.parse(host.outcome(rid).text);
    assert.deepEqual(value, {
      date: 5,
      map: ["a"],
      text: 0xd800,
      absent: "undefined",
      several: ["text", "date"],
      listed: ["date", "map", "text"],
      range: ["text"],
      prefix: ["date"],
      deleted: [true, false, 1],
      left: 0,
      isMap: true,
    });
    assert.deepEqual(
      wrong.map((each) => each.split(":")[0]),
      ["TypeError", "TypeError", "DataCloneError", "TypeError"],
    );
    for (const each of alarms) assert.match(each, /not supported/);
    assert.equal(entries.size, 0);
  },

  async "a transaction is written when it ends, or not at all"() {
    const { entries, answers } = storage();
    const host = await shelf("Transactions", { answers });
    const rid = enter(host);
    await host.run();
    assert.deepEqual(JSON.parse(host.outcome(rid).text), [
      [2, "none", 1, ["a", "c"]],
      "Error: no",
      [
        ["a", 2],
        ["c", 3],
      ],
    ]);
    assert.equal(entries.size, 2);
  },

  async "nobody enters while blockConcurrencyWhile runs, then all do in their order"() {
    const { answers } = storage();
    const host = await shelf("Blocking", { answers });
    const rids = ["/1", "/2", "/3"].map((each) => enter(host, each));
    await host.run(() => host.turns.length === 0);
    assert.deepEqual(
      host.posts.filter((post) => post[0] === "respond"),
      [],
    );
    assert.deepEqual(
      rids.map((rid) => host.timers.filter((timer) => timer.rid === rid).length),
      [2, 1, 1],
    );
    await host.run();
    assert.deepEqual(
      rids.map((rid) => JSON.parse(host.outcome(rid).text)),
      [
        [true, ["/1"]],
        [true, ["/1", "/2"]],
        [true, ["/1", "/2", "/3"]],
      ],
    );
    assert.equal(host.timers.length, 0);
  },

  async "each waiting request is let in by a turn of its own"() {
    const host = await shelf("Blocking", storage());
    const rids = [enter(host), enter(host)];
    await host.run();
    for (const rid of rids)
      assert.deepEqual(
        host.posts.filter((post) => post[1] === rid && post[0] !== "op").map((post) => post[0]),
        ["respond", "done"],
      );
  },

  async "a request that was let in keeps no timer of its wait"() {
    const host = await shelf("Silent");
    const rids = [enter(host), enter(host)];
    await host.run(() => host.turns.length === 0 && host.timers.length === 0);
    for (const rid of rids) assert.equal(host.requests.get(rid).done, false);
    assert.equal(host.now, 1_700_000_000_001);
  },

  async "an object that cannot be made fails its requests, and is made anew for the next"() {
    const host = await shelf("Failing");
    const rid = enter(host);
    await host.run();
    assert.equal(host.outcome(rid).failure.message, "cannot");
    const waiting = [enter(host), enter(host)];
    await host.run();
    assert.deepEqual(
      waiting.map((each) => host.outcome(each).text),
      ["3", "3"],
    );
  },

  async "when the request that blocks an object is given up, the others get a new object"() {
    const host = await shelf("Stuck");
    const first = enter(host);
    const second = enter(host);
    await host.run(() => host.turns.length === 0);
    host.end(first);
    enter(host, "/", "cd".repeat(32)); // any turn brings the news
    await host.run();
    assert.equal(host.outcome(second).text, "3");
  },

  async "requests of one object may share what came in with one of them"() {
    const host = await shelf("Sharing");
    const first = host.fetch("http://object/", { method: "POST", body: "kept", event: event("object-fetch") });
    const second = enter(host);
    await host.run();
    assert.deepEqual([host.outcome(first).text, host.outcome(second).text], ["done", "kept"]);
  },

  async "the storage of one object is of no use to another"() {
    const { answers } = storage();
    const host = await shelf("Thief", { answers });
    const seen = [];
    for (const id of [ID, "cd".repeat(32), ID]) {
      const rid = enter(host, "/", id);
      await host.run();
      seen.push(JSON.parse(host.outcome(rid).text));
    }
    assert.deepEqual([seen[0][0], seen[2][0]], ["no exception", "no exception"]);
    assert.match(seen[1], /different request/);
  },
};
