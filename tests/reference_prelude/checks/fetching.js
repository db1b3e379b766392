"use strict";

// fetch(): what leaves, what comes back, redirects, aborts.

const assert = require("node:assert/strict");
const { FakeHost, Refusal, evaluate, worker } = require("../fake_host.js");
const { outside } = require("../outside.js");

module.exports = {
  async "a URL is fetched and its answer read"() {
    const { asked, options } = outside({
      "http://a.example/x?y": { status: 203, headers: [["X-One", "1"]], body: '{"a":1}' },
    });
    const { value } = await evaluate(async () => {
      const response = await fetch("http://a.example/x?y#part");
      const { status, ok, url, redirected, type } = response;
      return [
        status,
        ok,
        url,
        redirected,
        type,
        [...response.headers],
        await response.json(),
        await caught(() => response.headers.set("a", "b")),
      ];
    }, options);
    assert.deepEqual(value.slice(0, 7), [
      203,
      true,
      "http://a.example/x?y",
      false,
      "default",
      [["x-one", "1"]],
      { a: 1 },
    ]);
    assert.match(value[7], /immutable/);
    assert.deepEqual(asked, [
      { url: "http://a.example/x?y", method: "GET", headers: [], body: null, hop: false, text: null },
    ]);
  },

  async "a request's method, headers and body leave as they are"() {
    const { asked, options } = outside({ "http://a.example/": { body: "ok" } });
    await evaluate(
      async (request) => {
        const init = { method: "put", headers: { "X-One": "1" }, body: "text" };
        await fetch("http://a.example/", init);
        await fetch(new Request("http://a.example/", { ...init, body: new Uint8Array([65]) }));
        await fetch(new URL("http://a.example/"), {
          ...init,
          body: ReadableStream.from([new Uint8Array([66]), new Uint8Array([67])]),
        });
        await fetch("http://a.example/", { ...init, body: request.body });
      },
      { ...options, init: { method: "POST", body: ["passed ", "on"] } },
    );
    assert.deepEqual(
      asked.map(({ method, headers, body }) => [method, headers.length, Object.keys(body)[0]]),
      [
        ["PUT", 2, "text"],
        ["PUT", 1, "bin"],
        ["PUT", 1, "guest"],
        ["PUT", 1, "stream"],
      ],
    );
    assert.deepEqual([asked[0].text, asked[1].text, asked[3].text], ["text", "A", "passed on"]);
  },

  async "an incoming request is passed on whole, and its answer back"() {
    const { asked, options } = outside({
      "http://worker.example/": { status: 404, headers: [["a", "b"]], chunks: ["from ", "there"] },
    });
    const host = new FakeHost(
      worker((/** @type {any} */ request) => fetch(request)),
      options,
    );
    await host.start();
    const outcome = await host.get("/", { method: "POST", headers: [["x-one", "1"]], body: ["up"] });
    assert.deepEqual([asked[0].method, asked[0].headers, asked[0].body], ["POST", [["x-one", "1"]], { stream: 1 }]);
    assert.deepEqual(
      [outcome.status, outcome.headers, outcome.body, outcome.text],
      [404, [["a", "b"]], { stream: 51 }, "from there"],
    );
  },

  async "an answer's body can be put into another answer"() {
    const { options } = outside({ "http://a.example/": { status: 201, headers: [["a", "b"]], chunks: ["x"] } });
    const host = new FakeHost(
      worker(async () => {
        const upstream = await fetch("http://a.example/");
        const response = new Response(upstream.body, upstream);
        response.headers.set("more", "yes");
        return response;
      }),
      options,
    );
    await host.start();
    const outcome = await host.get("/");
    assert.deepEqual(
      [outcome.status, outcome.headers, outcome.body],
      [
        201,
        [
          ["a", "b"],
          ["more", "yes"],
        ],
        { stream: 51 },
      ],
    );
  },

  async "what is no http or https URL is refused before it leaves"() {
    const { asked, options } = outside({});
    const { value } = await evaluate(async () => {
      const ways = [
        "data:text/plain,x",
        "file:///etc/hostname",
        "blob:http://a.example/1",
        "ftp://a.example/",
        "/relative",
        "",
        "http://u:p@a.example/",
        "javascript:1",
      ];
      const seen = [];
      for (const url of ways) seen.push(await caught(() => fetch(url)));
      seen.push(
        await caught(() => fetch()),
        await caught(() => fetch("http://a.example/", { method: "GET", body: "x" })),
      );
      return seen;
    }, options);
    for (const each of value) assert.match(each, /^TypeError: /);
    assert.deepEqual(asked, []);
  },

  async "a refusal is the rejection, of its own class"() {
    const { value } = await evaluate(
      async () => {
        const seen = [];
        for (const name of ["TypeError", "Error", "OddError"]) {
          const error = await fetch(`http://a.example/${name}`).catch((error) => error);
          seen.push([error.name, error.message, error instanceof TypeError, error instanceof Error]);
        }
        return seen;
      },
      {
        answers: {
          "outbound.fetch": ([{ url }]) => {
            throw new Refusal("no way out", url.split("/").at(-1));
          },
        },
      },
    );
    assert.deepEqual(value, [
      ["TypeError", "no way out", true, true],
      ["Error", "no way out", false, true],
      ["OddError", "no way out", false, true],
    ]);
  },

  async "an abort ends a fetch, and the body of an answer"() {
    const { options } = outside({
      "http://a.example/never": "never",
      "http://a.example/body": { chunks: ["a", "b"] },
      "http://a.example/": { body: "x" },
    });
    const { value, host } = await evaluate(async () => {
      const aborted = AbortSignal.abort(new RangeError("before"));
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 5);
      const timed = await caught(() => fetch("http://a.example/never", { signal: AbortSignal.timeout(10) }));
      const controlled = await caught(() => fetch("http://a.example/never", { signal: controller.signal }));
      const late = new AbortController();
      const response = await fetch("http://a.example/body", { signal: late.signal });
      late.abort();
      const inRequest = new Request("http://a.example/never", { signal: AbortSignal.timeout(1) });
      return [
        await caught(() => fetch("http://a.example/", { signal: aborted })),
        timed,
        controlled,
        await caught(() => response.text()),
        await caught(() => fetch(inRequest)),
        await caught(() => fetch("http://a.example/", { signal: null }).then((r) => r.text())),
      ];
    }, options);
    assert.deepEqual(value[0], "RangeError: before");
    assert.match(value[1], /^TimeoutError: /);
    assert.match(value[2], /^AbortError: /);
    assert.match(value[3], /^AbortError: /);
    assert.match(value[4], /^TimeoutError: /);
    assert.deepEqual(value[5], ["no exception", "x"]);
    assert.deepEqual([...host.requests.get(1).bodies.values()], ["cancelled"]);
  },

  async "an answer's content type counts however its name is written"() {
    const { options } = outside({ "http://a.example/": { headers: [["Content-Type", "image/png"]], body: "x" } });
    const { value } = await evaluate(async () => (await (await fetch("http://a.example/")).blob()).type, options);
    assert.equal(value, "image/png");
  },

  async "fetches overlap"() {
    const { value } = await evaluate(
      async () => {
        const answers = await Promise.all(["a", "b", "c"].map((host) => fetch(`http://${host}.example/`)));
        return Promise.all(answers.map((answer) => answer.text()));
      },
      {
        answers: {
          "outbound.fetch": ([{ url }], _data, call) => {
            const waiting = (call.request.waiting ??= []);
            waiting.push([call.id, url]);
            if (waiting.length < 3) return undefined; // answered only when all are there
            for (const [id, each] of waiting.reverse()) {
              call.host.turns.push([
                1,
                call.rid,
                id,
                JSON.stringify({ status: 200, statusText: "", headers: [], body: { inline: true } }),
                Buffer.from(each),
              ]);
            }
            return undefined;
          },
        },
      },
    );
    assert.deepEqual(value, ["http://a.example/", "http://b.example/", "http://c.example/"]);
  },

  async "an answer that comes after the abort is let go"() {
    const { options } = outside({ "http://a.example/": { chunks: ["late"] } });
    const { value, host } = await evaluate(async () => {
      const controller = new AbortController();
      const aborted = caught(() => fetch("http://a.example/", { signal: controller.signal }));
      controller.abort();
      const name = await aborted;
      await new Promise((resolve) => setTimeout(resolve, 1));
      return name;
    }, options);
    assert.match(value, /^AbortError: /);
    assert.deepEqual([...host.requests.get(1).bodies.values()], ["cancelled"]);
  },
};
