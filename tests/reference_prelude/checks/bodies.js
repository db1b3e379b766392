"use strict";

// Bodies between the host and the isolate: at hand, passed on, streamed, and streams that go wrong.

const assert = require("node:assert/strict");
const { FakeHost, evaluate, outcomeOf, worker } = require("../fake_host.js");

module.exports = {
  async "an inline body is read in every form"() {
    const { value, host } = await evaluate(
      async (request) => [
        await request.clone().text(),
        await request.clone().json(),
        [...(await request.bytes())].length,
      ],
      { init: { method: "POST", body: '{"a":"\u00e4"}' } },
    );
    assert.deepEqual(value, ['{"a":"\u00e4"}', { a: "\u00e4" }, 10]);
    assert.deepEqual(
      host.posts.map((post) => post[0]),
      ["respond", "done"],
    );
  },

  async "a body outside is fetched by the one who reads it, to its end"() {
    const { outcome, ops } = await outcomeOf(async (request) => new Response(await request.text()), {
      method: "POST",
      body: ["one ", "", "two ", "\u00e4".slice(0)],
    });
    assert.equal(outcome.text, "one two \u00e4");
    assert.deepEqual(ops, Array(5).fill("body.read"));
  },

  async "a character cut between chunks is whole again"() {
    const bytes = Buffer.from("\u{1f9ed}");
    const host = new FakeHost(worker(async (/** @type {any} */ request) => new Response(await request.text())));
    await host.start();
    const rid = host.fetch("http://a.example/", { method: "POST", body: [""] });
    host.requests.get(rid).bodies.set(1, [bytes.subarray(0, 1), bytes.subarray(1, 3), bytes.subarray(3)]);
    await host.run();
    assert.equal(host.outcome(rid).text, "\u{1f9ed}");
  },

  async "an untouched body is passed on by its handle"() {
    for (const handler of [
      (request) => new Response(request.body),
      (request) => new Response(new Request(request).body, { status: 200 }),
      (request) => {
        request.body.locked;
        return new Response(request.body);
      },
      (request) => new Response(new Response(request.body).body),
    ]) {
      const { outcome, ops } = await outcomeOf(handler, { method: "POST", body: ["a", "b"] });
      assert.deepEqual(outcome.body, { stream: 1 });
      assert.deepEqual(ops, []);
      assert.equal(outcome.text, "ab");
    }
  },

  async "an untouched inline body is passed on as bytes"() {
    const { outcome, ops } = await outcomeOf((request) => new Response(request.body), {
      method: "POST",
      body: "inline",
    });
    assert.deepEqual(outcome.body, { bin: 0 });
    assert.deepEqual([outcome.text, ops], ["inline", []]);
  },

  async "what was passed on cannot be read any more"() {
    const { value } = await evaluate(
      async (request) => {
        const passed = new Response(request.body);
        await fetch("http://a.example/", { method: "PUT", body: passed.body }).catch(() => {});
        return [await caught(() => request.text()), await caught(() => request.body.getReader()), passed.bodyUsed];
      },
      { init: { method: "POST", body: ["a", "b"] } },
    );
    assert.match(value[0], /^TypeError: /);
    assert.match(value[1], /^TypeError: .*(locked|reader)/i);
    assert.equal(value[2], true);
  },

  async "a touched body is pumped from where it is"() {
    const { outcome, ops } = await outcomeOf(
      async (request) => {
        const reader = request.body.getReader();
        await reader.read();
        reader.releaseLock();
        return new Response(request.body);
      },
      { method: "POST", body: ["a", "b", "c"] },
    );
    assert.equal(outcome.failure?.message ?? "", "This ReadableStream is locked or was read from: it is no body.");
    assert.deepEqual(ops, ["body.read"]);
    const piped = await outcomeOf((request) => new Response(request.body.pipeThrough(new TransformStream())), {
      method: "POST",
      body: ["a", "b", "c"],
    });
    assert.equal(piped.outcome.text, "abc");
    assert.ok("guest" in piped.outcome.body);
  },

  async "incoming streams read only when they are read from, and cancel outside"() {
    const { value, host } = await evaluate(
      async (request) => {
        const { body } = request;
        await new Promise((resolve) => setTimeout(resolve, 5));
        const reader = body.getReader();
        const first = new TextDecoder().decode((await reader.read()).value);
        await new Promise((resolve) => setTimeout(resolve, 5));
        await reader.cancel("enough");
        return [first, request.bodyUsed, (await reader.read()).done];
      },
      { init: { method: "POST", body: ["a", "b", "c"] } },
    );
    assert.deepEqual(value, ["a", true, true]);
    assert.deepEqual(
      host.posts.filter((post) => post[0] === "op").map((post) => post[4]),
      ["read", "cancel"],
    );
    assert.equal(host.requests.get(1).bodies.get(1), "cancelled");
  },

  async "an incoming stream can be read into a buffer of one's own"() {
    const { value } = await evaluate(
      async (request) => {
        const reader = request.body.getReader({ mode: "byob" });
        const seen = [];
        for (;;) {
          const { value, done } = await reader.read(new Uint8Array(2));
          if (done) break;
          seen.push(new TextDecoder().decode(value));
        }
        return seen;
      },
      { init: { method: "POST", body: ["abc", "d"] } },
    );
    assert.deepEqual(value, ["ab", "c", "d"]);
  },

  async "settled waits for the pump, and done for waitUntil"() {
    const { host } = await outcomeOf((_request, _env, ctx) => {
      ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 50)));
      return new Response(ReadableStream.from([new Uint8Array([65])]));
    });
    const kinds = host.posts.map((post) => (post[0] === "op" ? post[4] : post[0]));
    assert.deepEqual(kinds, ["respond", "write", "end", "settled", "done"]);
  },

  async "long texts leave as bytes, short ones as text"() {
    const { outcome } = await outcomeOf(() => new Response("\u00e4".repeat(1_048_577)));
    assert.deepEqual(outcome.body, { bin: 0 });
    assert.equal(Buffer.byteLength(/** @type {string} */ (outcome.text)), 2 * 1_048_577);
    const short = await outcomeOf(() => new Response('quotes " and \ud800 and \u{1f9ed}'));
    assert.deepEqual(short.outcome.body, { text: 'quotes " and \ufffd and \u{1f9ed}' });
  },

  async "a response read before it is returned is refused"() {
    const { outcome } = await outcomeOf(async () => {
      const response = new Response("x");
      await response.text();
      return response;
    });
    assert.match(outcome.failure.message, /already been used/);
  },
};
