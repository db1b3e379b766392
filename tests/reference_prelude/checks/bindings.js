"use strict";

// env, KV and D1: what Worker code gives, what the host is asked, what comes back.

const assert = require("node:assert/strict");
const { Refusal, evaluate } = require("../fake_host.js");

const kv = { bindings: [{ name: "STORE", kind: "kv", handle: "h-kv", key: null }] };
const d1 = { bindings: [{ name: "DB", kind: "d1", handle: "h-d1", key: null }] };

/** A namespace in memory. */
function store() {
  /** @type {Map<string, {value: Buffer, options: any}>} */
  const entries = new Map();
  return {
    entries,
    answers: {
      "h-kv.get": ([key]) => {
        if (!Array.isArray(key)) {
          const entry = entries.get(key);
          return [{ found: entry !== undefined, metadata: entry?.options.metadata ?? null }, entry?.value];
        }
        const found = key.map((each) => [each, entries.get(each)]);
        const described = found.map(([each, entry]) => ({
          key: each,
          length: entry?.value.length ?? null,
          metadata: entry?.options.metadata ?? null,
        }));
        return [described, Buffer.concat(found.map(([, entry]) => entry?.value ?? Buffer.alloc(0)))];
      },
      "h-kv.put": ([key, options], value) => {
        entries.set(key, { value, options });
        return [null];
      },
      "h-kv.delete": ([key]) => {
        entries.delete(key);
        return [null];
      },
      "h-kv.list": ([{ prefix, limit, cursor }]) => {
        const names = [...entries.keys()].filter((name) => name.startsWith(prefix ?? "")).slice(0, limit ?? 1000);
        return [{ keys: names.map((name) => ({ name })), list_complete: true, ...(cursor ? { cursor } : {}) }];
      },
    },
  };
}

module.exports = {
  async "env has exactly the variables and bindings, as plain properties"() {
    const vars = {
      TEXT: "a text",
      EMPTY: "",
      NUMBER: 12.5,
      FLAG: false,
      NOTHING: null,
      LIST: [1, [true]],
      NESTED: { "": "x", toString: 1 },
    };
    const { value } = await evaluate(
      (_request, env) => {
        const listed = [];
        for (const name in env) listed.push(name);
        return { listed, all: Reflect.ownKeys(env), env, isPlain: Object.getPrototypeOf(env) === Object.prototype };
      },
      {
        vars,
        bindings: [
          { name: "TO", kind: "service", handle: "h", key: null },
          { name: "__proto__", kind: "kv", handle: "h", key: null },
        ],
      },
    );
    assert.deepEqual(value.listed, [...Object.keys(vars), "TO", "__proto__"]);
    assert.deepEqual(value.all, value.listed);
    assert.equal(value.isPlain, true);
    assert.deepEqual({ ...value.env, TO: 0, ["__proto__"]: 0 }, { ...vars, TO: 0, ["__proto__"]: 0 });
  },

  async "KV keeps text, bytes and streams, and gives them in every form"() {
    const { entries, answers } = store();
    const { value } = await evaluate(
      async (request, env) => {
        const { STORE } = env;
        const none = await STORE.get("none");
        const put = await STORE.put("text", "\u00e4 {}");
        await STORE.put("bytes", new Uint8Array([1, 2, 3]).subarray(1), {
          expirationTtl: 60,
          metadata: { a: ["\ud800", "\\ud800"] },
        });
        await STORE.put("stream", request.body, { expiration: 1700000600 });
        await STORE.put("json", JSON.stringify({ a: 1 }));
        const got = {
          none,
          put: put === undefined,
          text: await STORE.get("text"),
          json: await STORE.get("json", "json"),
          bytes: [...new Uint8Array(await STORE.get("bytes", { type: "arrayBuffer" }))],
          stream: await readAll(await STORE.get("stream", "stream")),
          meta: await STORE.getWithMetadata("bytes", "arrayBuffer").then(({ value, ...rest }) => [
            value.byteLength,
            rest,
          ]),
          noMeta: await STORE.getWithMetadata("none"),
          many: [...(await STORE.get(["text", "none", "json"]))],
          manyMeta: [...(await STORE.getWithMetadata(["json", "none"], "json"))],
          list: await STORE.list({ prefix: "t" }),
        };
        await STORE.delete("text");
        return { ...got, after: await STORE.get("text"), page: await STORE.list({ limit: 1, cursor: "here" }) };
      },
      { ...kv, answers, init: { method: "POST", body: ["from ", "outside"] } },
    );
    assert.deepEqual(value, {
      none: null,
      put: true,
      text: "\u00e4 {}",
      json: { a: 1 },
      bytes: [2, 3],
      stream: "from outside",
      meta: [2, { metadata: { a: ["\ufffd", "\\ud800"] }, cacheStatus: null }],
      noMeta: { value: null, metadata: null, cacheStatus: null },
      many: [
        ["text", "\u00e4 {}"],
        ["none", null],
        ["json", '{"a":1}'],
      ],
      manyMeta: [
        ["json", { value: { a: 1 }, metadata: null, cacheStatus: null }],
        ["none", { value: null, metadata: null, cacheStatus: null }],
      ],
      list: { keys: [{ name: "text" }], list_complete: true, cacheStatus: null },
      after: null,
      page: { keys: [{ name: "bytes" }], list_complete: true, cursor: "here", cacheStatus: null },
    });
    assert.deepEqual(entries.get("bytes")?.options, {
      expiration: null,
      expirationTtl: 60,
      metadata: { a: ["\ufffd", "\\ud800"] },
    });
    assert.equal(entries.get("stream")?.options.expiration, 1700000600);
  },

  async "KV refuses what it cannot keep, and tells what the host refused"() {
    const { answers } = store();
    const { value, host } = await evaluate(
      async (_request, env) => {
        const { STORE } = env;
        const ways = [
          () => STORE.put("k", {}),
          () => STORE.put("k", null),
          () => STORE.put("k", 5),
          () => STORE.put("", "v"),
          () => STORE.get("."),
          () => STORE.get("k", "xml"),
          () => STORE.get(["k"], "stream"),
          () => STORE.put("k", "v", { metadata: "x".repeat(1100) }),
        ];
        const seen = [];
        for (const way of ways) seen.push(await caught(way));
        return seen;
      },
      { ...kv, answers },
    );
    for (const each of value.slice(0, 7)) assert.match(each, /^TypeError: /);
    assert.match(value[7], /413/);
    assert.ok(!host.posts.some((post) => post[0] === "op"));
    const refused = await evaluate((_request, env) => caught(() => env.STORE.get("k")), {
      ...kv,
      answers: {
        "h-kv.get": () => {
          throw new Refusal("KV GET failed: 500");
        },
      },
    });
    assert.equal(refused.value, "Error: KV GET failed: 500");
  },

  async "D1 runs statements and gives rows in every form"() {
    /** @type {any[]} */
    const asked = [];
    const meta = { duration: 1, changes: 2, last_row_id: 3, rows_read: 4, rows_written: 5 };
    const rows = () => [
      [1, "a", { b: "AQI=" }],
      [2.5, null, null],
    ];
    const answers = {
      "h-d1.query": ([statements, mode]) => {
        asked.push([statements, mode]);
        return [statements.map(() => ({ columns: ["n", "t", "bytes"], rows: rows(), meta }))];
      },
      "h-d1.exec": ([sql]) => {
        asked.push(sql);
        return [{ count: 2, duration: 1 }];
      },
    };
    const { value } = await evaluate(
      async (_request, env) => {
        const { DB } = env;
        const statement = DB.prepare("select ?");
        const bound = statement.bind(1, "x\ud800", null, true, new Uint8Array([1, 2]), [3]);
        return {
          all: await bound.all(),
          run: (await statement.run()).success,
          first: await statement.first(),
          column: await statement.first("t"),
          missing: await caught(() => statement.first("absent")),
          raw: await statement.raw(),
          named: await statement.raw({ columnNames: true }),
          batch: (await DB.batch([statement, bound])).map(({ results }) => results.length),
          exec: await DB.exec("a;\nb"),
          wrong: await caught(() => statement.bind(undefined)),
          notFinite: await caught(() => statement.bind(NaN)),
          notStatement: await caught(() => DB.batch([{}])),
        };
      },
      { ...d1, answers },
    );
    const objects = [
      { n: 1, t: "a", bytes: [1, 2] },
      { n: 2.5, t: null, bytes: null },
    ];
    assert.deepEqual(value.all, { success: true, meta: { ...meta, changed_db: true }, results: objects });
    assert.deepEqual([value.run, value.first, value.column], [true, objects[0], "a"]);
    assert.match(value.missing, /^Error: D1_COLUMN_NOTFOUND/);
    assert.deepEqual(value.raw, objects.map(Object.values));
    assert.deepEqual(value.named, [["n", "t", "bytes"], ...objects.map(Object.values)]);
    assert.deepEqual([value.batch, value.exec], [[2, 2], { count: 2, duration: 1 }]);
    for (const each of [value.wrong, value.notFinite]) assert.match(each, /^Error: D1_TYPE_ERROR/);
    assert.match(value.notStatement, /^TypeError: /);
    assert.deepEqual(asked[0], [
      [{ sql: "select ?", params: [1, "x\ufffd", null, 1, { b: "AQI=" }, { b: "Aw==" }] }],
      "rows",
    ]);
    assert.deepEqual(asked.at(-1), "a;\nb");
  },

  async "D1 tells the database's refusal in its own words"() {
    const { value } = await evaluate((_request, env) => caught(() => env.DB.prepare("x").all()), {
      ...d1,
      answers: {
        "h-d1.query": () => {
          throw new Refusal('D1_ERROR: near "x": syntax error: SQLITE_ERROR');
        },
      },
    });
    assert.equal(value, 'Error: D1_ERROR: near "x": syntax error: SQLITE_ERROR');
  },

  async "bindings are of their classes and show nothing of what is behind them"() {
    const bindings = [
      { name: "SERVICE", kind: "service", handle: "hidden-1", key: null },
      { name: "STORE", kind: "kv", handle: "hidden-2", key: null },
      { name: "DB", kind: "d1", handle: "hidden-3", key: null },
      { name: "SHELVES", kind: "durable-objects", handle: "hidden-4", key: "hidden-5" },
    ];
    const { value } = await evaluate(
      (_request, env) => {
        const id = env.SHELVES.idFromName("n");
        const things = [...Object.values(env), id, env.SHELVES.get(id), env.DB.prepare("select 1")];
        const texts = [];
        const seen = new Set();
        const queue = [...things];
        while (queue.length > 0 && seen.size < 5000) {
          const each = queue.shift();
          if (seen.has(each)) continue;
          if (each === null || (typeof each !== "object" && typeof each !== "function")) {
            texts.push(String(each));
            continue;
          }
          seen.add(each);
          for (const asText of [() => String(each), () => JSON.stringify(each)])
            try {
              texts.push(asText());
            } catch {}
          for (let owner = each; owner !== null; owner = Object.getPrototypeOf(owner)) {
            for (const name of Reflect.ownKeys(owner)) {
              texts.push(String(name));
              try {
                queue.push(each[name]);
              } catch {}
            }
          }
        }
        return {
          classes: things.map((each) => each.constructor.name),
          hidden: texts.filter((text) => /hidden-\d/.test(text)),
          walked: seen.size,
        };
      },
      { bindings },
    );
    assert.deepEqual(value.classes, [
      "Fetcher",
      "KvNamespace",
      "D1Database",
      "DurableObjectNamespace",
      "DurableObjectId",
      "DurableObjectStub",
      "D1PreparedStatement",
    ]);
    assert.deepEqual(value.hidden, []);
    assert.ok(value.walked > 20);
  },

  async "a binding of an unknown kind is refused when the Worker starts"() {
    await assert.rejects(
      evaluate(() => 1, { bindings: [{ name: "ODD", kind: "odd", handle: "h" }] }),
      /ODD/,
    );
  },
};
