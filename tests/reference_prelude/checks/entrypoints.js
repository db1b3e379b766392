"use strict";

// What a Worker exports, and how each of its handlers is called.

const assert = require("node:assert/strict");
const { FakeHost } = require("../fake_host.js");

module.exports = {
  async "a handler that is not there is a failure that says so"() {
    const host = new FakeHost({ "index.mjs": "export default {};" });
    await host.start();
    assert.match((await host.get("/")).failure.message, /does not export a fetch\(\)/);
  },

  async "scheduled, queue and tail handlers are given their events"() {
    const host = new FakeHost({
      "index.mjs": `
        const seen = [];
        export default {
          scheduled({ cron, scheduledTime }, env, ctx) { seen.push([cron, scheduledTime, typeof ctx.waitUntil]); },
          async queue(batch) {
            const show = ({ id, body, attempts, timestamp }) => [id, body, attempts, timestamp.getTime()];
            seen.push([batch.queue, batch.messages.map(show)]);
            batch.messages[0].ack();
            batch.messages[1].retry();
          },
          tail(events) { seen.push(events); },
          fetch: () => Response.json(seen),
        };`,
    });
    await host.start();
    const messages = ["1", "2", "3"].map((id) => ({ id, timestamp: 5, body: `body ${id}`, attempts: 1 }));
    host.begin({ type: "scheduled", cron: "* * * * *", scheduledTime: 42 });
    host.begin({ type: "queue", queue: "q", messages });
    host.begin({ type: "tail", events: [{ outcome: "ok" }] });
    await host.run();
    assert.deepEqual(
      host.posts.filter((post) => post[0] === "return").map((post) => post[2]),
      [null, { acks: ["1", "3"], retries: ["2"] }, null],
    );
    assert.deepEqual(JSON.parse((await host.get("/")).text), [
      ["* * * * *", 42, "function"],
      ["q", messages.map(({ id, body, attempts, timestamp }) => [id, body, attempts, timestamp])],
      [{ outcome: "ok" }],
    ]);
  },

  async "named entrypoints and classes are served, each by a new instance with ctx and env"() {
    const host = new FakeHost(
      {
        "index.mjs": `
          import { WorkerEntrypoint, env as imported } from "cloudflare:workers";
          export default class extends WorkerEntrypoint {
            #calls = 0;
            fetch(request) {
              this.#calls += 1;
              const { env, ctx } = this;
              return Response.json([this.#calls, env.TEXT, env === imported, typeof ctx.waitUntil, ctx.props]);
            }
          }
          export class Named extends WorkerEntrypoint { fetch() { return new Response("named"); } }
          export const plain = { fetch: (request, env) => new Response("plain " + env.TEXT) };`,
      },
      { vars: { TEXT: "a text" } },
    );
    await host.start();
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(JSON.parse((await host.get("/")).text), [1, "a text", true, "function", {}]);
    }
    assert.equal((await host.get("/", { entrypoint: "Named" })).text, "named");
    assert.equal((await host.get("/", { entrypoint: "plain" })).text, "plain a text");
    assert.match((await host.get("/", { entrypoint: "absent" })).failure.message, /no entrypoint "absent"/);
  },

  async "configure tells what the module exports"() {
    const host = new FakeHost({
      "index.mjs": `
        import { WorkerEntrypoint, DurableObject } from "cloudflare:workers";
        export default { fetch() {}, async scheduled() {}, other() {} };
        export class Entry extends WorkerEntrypoint { fetch() {} method() {} }
        class Base extends DurableObject { alarm() {} }
        export class Deep extends Base {}
        export class Plain { fetch() {} }
        export function make() {}
        export const value = 5;`,
    });
    const exported = Object.fromEntries((await host.start()).map((/** @type {any} */ each) => [each.name, each]));
    assert.deepEqual(exported, {
      default: { name: "default", kind: "object", handlers: ["fetch", "scheduled"], entrypoint: false, durable: false },
      Entry: { name: "Entry", kind: "class", handlers: ["fetch"], entrypoint: true, durable: false },
      Deep: { name: "Deep", kind: "class", handlers: ["alarm"], entrypoint: false, durable: true },
      Plain: { name: "Plain", kind: "class", handlers: ["fetch"], entrypoint: false, durable: false },
      make: { name: "make", kind: "function", handlers: [], entrypoint: false, durable: false },
      value: { name: "value", kind: "other", handlers: [], entrypoint: false, durable: false },
    });
  },
};
