"use strict";

// Streams that a Worker makes, and what becomes of them as bodies.

const assert = require("node:assert/strict");
const { FakeHost, evaluate, outcomeOf, worker, pipeOf } = require("../fake_host.js");

module.exports = {
  async "streams made in the Worker are pumped chunk by chunk, each when the last was taken"() {
    const host = new FakeHost(
      worker(() => {
        globalThis.pulled = 0;
        return new Response(
          new ReadableStream(
            {
              pull(controller) {
                globalThis.pulled += 1;
                controller.enqueue(new TextEncoder().encode(`${globalThis.pulled};`));
                if (globalThis.pulled === 3) controller.close();
              },
            },
            { highWaterMark: 0 },
          ),
        );
      }),
    );
    await host.start();
    const rid = host.fetch("http://a.example/");
    await host.run(() => host.posts.some((post) => post[0] === "respond"));
    const request = host.requests.get(rid);
    const { guest } = request.answer[2].body;
    const pipe = pipeOf(request, guest);
    pipe.holds = true; // chunks are not taken from here on
    await host.run();
    const pulled = host.global("pulled");
    assert.ok(pulled <= 2, `${pulled} chunks were made though nobody took them`);
    pipe.holds = false;
    const [, , write] = host.posts.filter((post) => post[0] === "op" && post[4] === "write").at(-1) ?? [];
    host.turns.push([1, rid, write, "null"]);
    await host.run();
    assert.equal(host.outcome(rid).text, "1;2;3;");
    assert.deepEqual([pipe.ended, host.outcome(rid).done], [true, true]);
  },

  async "a writer waits for its reader"() {
    const { outcome, host } = await outcomeOf((_request, _env, ctx) => {
      const { readable, writable } = new TransformStream();
      const work = async () => {
        const writer = writable.getWriter();
        for (const part of ["a", "b", "c"]) {
          await writer.write(new TextEncoder().encode(part));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await writer.close();
      };
      ctx.waitUntil(work());
      return new Response(readable);
    });
    assert.equal(outcome.text, "abc");
    const kinds = host.posts.map((post) => (post[0] === "op" ? post[4] : post[0]));
    assert.deepEqual(kinds, ["respond", "write", "write", "write", "end", "done"]);
  },

  async "chunks are bytes; others fail the body with a TypeError"() {
    for (const chunk of ['"text"', "5", "{}", "null"]) {
      const { outcome, host } = await outcomeOf(
        /** @type {any} */ (`() => new Response(ReadableStream.from([new Uint8Array([65]), ${chunk}]))`),
      );
      const [pipe] = outcome.pipes.values();
      assert.deepEqual([pipe.ended, pipe.chunks.length, outcome.done], [false, 1, true]);
      assert.match(pipe.failed, /bytes/);
      const told = host.posts.find((post) => post[0] === "exception");
      assert.equal(told?.[2].name, "TypeError");
    }
    const { outcome } = await outcomeOf(
      () =>
        new Response(
          ReadableStream.from([
            new Uint8Array([65]),
            new Uint8Array([0, 66, 0]).subarray(1, 2),
            new Uint8Array([67]).buffer,
            new DataView(new Uint8Array([68]).buffer),
          ]),
        ),
    );
    assert.equal(outcome.text, "ABCD");
  },

  async "a stream's error fails the body"() {
    const { outcome, host } = await outcomeOf(
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              controller.enqueue(new Uint8Array([65]));
              await new Promise((resolve) => setTimeout(resolve, 1));
              controller.error(new RangeError("broke off"));
            },
          }),
        ),
    );
    const [pipe] = outcome.pipes.values();
    assert.deepEqual([pipe.failed, pipe.ended, outcome.done], ["broke off", false, true]);
    assert.deepEqual(host.stray, []);
  },

  async "when nobody takes the body any more, its source is cancelled"() {
    const host = new FakeHost(
      worker(
        () =>
          new Response(
            new ReadableStream({
              pull(controller) {
                controller.enqueue(new Uint8Array(1));
              },
              cancel(reason) {
                globalThis.cancelled = String(reason.message);
              },
            }),
          ),
      ),
    );
    await host.start();
    const rid = host.fetch("http://a.example/");
    await host.run(() => host.posts.some((post) => post[0] === "respond"));
    const request = host.requests.get(rid);
    pipeOf(request, request.answer[2].body.guest).refuses = true;
    await host.run();
    assert.equal(host.global("cancelled"), "the reader has gone");
    assert.equal(host.outcome(rid).done, true);
    assert.deepEqual(host.stray, []);
  },

  async "streams are built, piped, teed and iterated"() {
    const { value } = await evaluate(
      async (request) => {
        const [left, right] = request.body.tee();
        const upper = new TransformStream({
          transform(chunk, controller) {
            controller.enqueue(chunk.toUpperCase());
          },
        });
        const piped = left.pipeThrough(new TextDecoderStream()).pipeThrough(upper);
        let text = "";
        for await (const chunk of piped) text += chunk;
        const parts = [];
        await right.pipeTo(
          new WritableStream({
            write(chunk) {
              parts.push(chunk.byteLength);
            },
          }),
        );
        return { text, parts, from: await readAll(ReadableStream.from([new TextEncoder().encode("from")])) };
      },
      { init: { method: "POST", body: ["ab", "c"] } },
    );
    assert.deepEqual(value, { text: "ABC", parts: [2, 1], from: "from" });
  },

  async "identity and fixed-length streams"() {
    const { outcome } = await outcomeOf((_request, _env, ctx) => {
      const { readable, writable } = new FixedLengthStream(4);
      const writer = writable.getWriter();
      ctx.waitUntil(writer.write(new Uint8Array([65, 66, 67, 68])).then(() => writer.close()));
      return new Response(readable);
    });
    assert.equal(outcome.body.length, 4);
    assert.equal(outcome.text, "ABCD");
    const { value } = await evaluate(async () => {
      const through = async (stream, chunks) => {
        const writer = stream.writable.getWriter();
        const read = readAll(stream.readable);
        const written = (async () => {
          for (const chunk of chunks) await writer.write(chunk);
          await writer.close();
        })();
        return (await Promise.allSettled([read, written])).map(({ status, value }) => value ?? status);
      };
      const bytes = new Uint8Array([65, 66]);
      return {
        identity: await through(new IdentityTransformStream(), [bytes, bytes.buffer]),
        text: await through(new IdentityTransformStream(), ["text"]),
        tooMuch: await through(new FixedLengthStream(1), [bytes]),
        tooLittle: await through(new FixedLengthStream(3), [bytes]),
        negative: await caught(() => new FixedLengthStream(-1)),
      };
    });
    assert.equal(value.identity[0], "ABAB");
    assert.deepEqual([value.text, value.tooMuch, value.tooLittle], Array(3).fill(["rejected", "rejected"]));
    assert.match(value.negative, /^TypeError: /);
  },
};
