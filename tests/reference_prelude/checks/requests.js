"use strict";

// From the event to the last post of a request.

const assert = require("node:assert/strict");
const { FakeHost, worker } = require("../fake_host.js");

/** @param {Function} handler @param {any} [options] */
async function hosting(handler, options) {
  const host = new FakeHost(worker(handler), options);
  await host.start();
  return host;
}

/** @param {FakeHost} host */
const kinds = (host) => host.posts.map((post) => post[0]);

module.exports = {
  async "a text is answered within the first turn, without a binary"() {
    const host = await hosting(() => new Response("hello"));
    const rid = host.fetch("http://worker.example/");
    const [begin] = host.turns;
    await host.turn(begin[0], begin[1], begin[2], begin[3], undefined);
    assert.deepEqual(host.posts, [
      [
        "respond",
        rid,
        {
          status: 200,
          statusText: "",
          headers: [["content-type", "text/plain;charset=UTF-8"]],
          body: { text: "hello" },
        },
      ],
      ["done", rid],
    ]);
  },

  async "an async handler is answered within the first turn too"() {
    const host = await hosting(async (request) => {
      await null;
      return Response.json({ url: request.url, method: request.method });
    });
    const answer = await host.get("/a?b=c");
    assert.equal(answer.text, '{"url":"http://worker.example/a?b=c","method":"GET"}');
    assert.deepEqual(answer.headers, [["content-type", "application/json"]]);
    assert.deepEqual(kinds(host), ["respond", "done"]);
  },

  async "settled comes with the answer and done when waitUntil's promises are kept"() {
    const host = await hosting((_request, _env, ctx) => {
      ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 20)));
      ctx.waitUntil(new Promise((_resolve, reject) => setTimeout(() => reject(new RangeError("late")), 10)));
      return new Response("early");
    });
    await host.get("/");
    assert.deepEqual(kinds(host), ["respond", "settled", "exception", "done"]);
    assert.deepEqual(host.posts[2][2].name, "RangeError");
    assert.equal(host.now, 1_700_000_000_020);
    assert.deepEqual(host.stray, []);
  },

  async "waitUntil of what is settled already needs no settled"() {
    const host = await hosting((_request, _env, ctx) => {
      ctx.waitUntil(Promise.resolve());
      ctx.waitUntil("no promise");
      return new Promise((resolve) => setTimeout(() => resolve(new Response("x")), 1));
    });
    await host.get("/");
    assert.deepEqual(kinds(host), ["respond", "done"]);
  },

  async "what a handler throws is the failure, with name, message and stack"() {
    for (const handler of [
      () => {
        throw new RangeError("thrown");
      },
      () => Promise.reject(new RangeError("thrown")),
      async () => {
        await null;
        throw new RangeError("thrown");
      },
    ]) {
      const host = await hosting(handler);
      const { failure, done } = await host.get("/");
      assert.deepEqual([failure.name, failure.message, done], ["RangeError", "thrown", true]);
      assert.match(failure.stack, /index\.mjs/);
      assert.deepEqual(kinds(host), ["fail", "done"]);
      assert.deepEqual(host.stray, []);
    }
  },

  async "odd things thrown are described without harm"() {
    const host = await hosting((request) => {
      const odd = {
        "/text": "just text",
        "/none": undefined,
        "/symbol": Symbol("s"),
        "/getter": {
          get message() {
            throw new Error("inner");
          },
        },
        "/function": () => 1,
        "/surrogate": new Error("half \ud800"),
        "/proxy": new Proxy(
          {},
          {
            get() {
              throw new Error("trap");
            },
            getPrototypeOf() {
              throw new Error("trap");
            },
          },
        ),
      };
      throw odd[new URL(request.url).pathname];
    });
    const messages = {};
    for (const path of ["/text", "/none", "/symbol", "/getter", "/function", "/surrogate", "/proxy"]) {
      const { failure, done } = await host.get(path);
      assert.equal(done, true);
      messages[path] = failure.message;
    }
    assert.equal(messages["/text"], "just text");
    assert.equal(messages["/symbol"], "Symbol(s)");
    assert.equal(messages["/surrogate"], "half \ufffd");
  },

  async "no Response is a TypeError that names what was returned"() {
    for (const [handler, what] of [
      [() => undefined, "undefined"],
      [() => ({ status: 200 }), "Object"],
      [async () => "text", "string"],
      [() => null, "null"],
    ]) {
      const host = await hosting(/** @type {any} */ (handler));
      const { failure } = await host.get("/");
      assert.equal(failure.name, "TypeError");
      assert.match(failure.message, new RegExp(/** @type {any} */ (what)));
    }
  },

  async "passThroughOnException is told"() {
    const host = await hosting((_request, _env, ctx) => {
      ctx.passThroughOnException();
      throw new Error("x");
    });
    await host.get("/");
    assert.deepEqual(kinds(host), ["passthrough", "fail", "done"]);
  },

  async "timers fire in order, with their arguments, and stop when cleared"() {
    const host = await hosting(async () => {
      const seen = [];
      setTimeout((...given) => seen.push(given), 20, "a", 1);
      setTimeout(() => seen.push("first"), 10);
      clearTimeout(setTimeout(() => seen.push("never"), 5));
      let ticks = 0;
      const interval = setInterval(() => {
        seen.push(`tick ${(ticks += 1)} ${Date.now() % 1000}`);
        if (ticks === 3) clearInterval(interval);
      }, 7);
      await new Promise((resolve) => setTimeout(resolve, 100));
      clearTimeout(undefined);
      clearTimeout("no timer");
      return Response.json(seen);
    });
    const { text } = await host.get("/");
    assert.deepEqual(JSON.parse(text), ["tick 1 7", "first", "tick 2 14", ["a", 1], "tick 3 21"]);
    assert.equal(host.timers.length, 0);
  },

  async "a cleared timer does not keep the host waiting"() {
    const host = await hosting(() => {
      clearTimeout(setTimeout(() => {}, 1e6));
      clearInterval(setInterval(() => {}, 1e6));
      return new Promise(() => {});
    });
    await host.get("/");
    assert.deepEqual([host.timers.length, host.now], [0, 1_700_000_000_000]);
  },

  async "an exception in a timer's callback is told and harms nobody"() {
    const host = await hosting(async () => {
      setTimeout(() => {
        throw new TypeError("in a timer");
      }, 1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      return new Response("fine");
    });
    assert.equal((await host.get("/")).text, "fine");
    assert.deepEqual(kinds(host), ["exception", "respond", "done"]);
  },

  async "timers of a request end with it"() {
    const host = await hosting(() => {
      setInterval(() => {}, 5);
      return new Response("x");
    });
    await host.get("/");
    await host.get("/");
    assert.equal(host.timers.length, 0);
  },

  async "in module scope there is no I/O, no timer and no randomness"() {
    const source = `
      const ways = {
        fetch: () => fetch("http://a.example/"), setTimeout: () => setTimeout(() => {}, 1),
        getRandomValues: () => crypto.getRandomValues(new Uint8Array(1)), binding: () => undefined,
      };
      const seen = {};
      for (const [name, way] of Object.entries(ways)) {
        try { seen[name] = await way(); }
        catch (error) { seen[name] = error.message; }
      }
      export default { fetch: () => Response.json(seen) };`;
    const host = new FakeHost({ "index.mjs": source });
    await host.start();
    const seen = JSON.parse((await host.get("/")).text);
    assert.match(seen.fetch, /global scope.*fetch/);
    assert.match(seen.setTimeout, /global scope.*setTimeout/);
    assert.match(seen.getRandomValues, /global scope.*getRandomValues/);
  },

  async "a request that the host gave up is forgotten, and nothing of it is posted any more"() {
    const host = await hosting(async (request) => {
      if (request.url.endsWith("/wait")) await new Promise((resolve) => setTimeout(resolve, 10));
      return new Response("x");
    });
    const rid = host.fetch("http://worker.example/wait");
    await host.run(() => host.turns.length === 0);
    host.end(rid);
    await host.get("/");
    await host.turn(3, rid, 1, "", undefined);
    assert.deepEqual(
      host.posts.filter((post) => post[1] === rid),
      [],
    );
  },

  async "when the client goes, request.signal is aborted"() {
    const host = await hosting(async (request) => {
      const { signal } = request;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return new Response(`${signal.aborted} ${signal.reason.name}`);
    });
    const rid = host.fetch("http://worker.example/");
    await host.run(() => host.turns.length === 0);
    host.leave(rid);
    await host.run();
    assert.equal(host.outcome(rid).text, "true AbortError");
  },

  async "a signal first looked at after the client went is aborted"() {
    const host = await hosting(async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return new Response(`${request.signal.aborted}`);
    });
    const rid = host.fetch("http://worker.example/");
    host.leave(rid);
    await host.run();
    assert.equal(host.outcome(rid).text, "true");
  },

  async "console output is posted with its request"() {
    const host = await hosting(() => {
      console.log("a", 1);
      console.error("half \ud800");
      return new Response("x");
    });
    const rid = host.fetch("http://worker.example/");
    await host.run();
    assert.deepEqual(host.posts.slice(0, 2), [
      ["log", rid, "log", "a 1"],
      ["log", rid, "error", "half \ufffd"],
    ]);
  },

  async "a rejection nobody handles is left to the engine to tell, and the request is answered"() {
    const host = await hosting(async () => {
      Promise.reject(new Error("nobody catches this"));
      await new Promise((resolve) => setTimeout(resolve, 5));
      return new Response("fine");
    });
    assert.equal((await host.get("/")).text, "fine");
    assert.deepEqual(
      host.stray.map((error) => error.message),
      ["nobody catches this"],
    );
  },
};
