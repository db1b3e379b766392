"use strict";

// Request and Response, as the Fetch standard has them.

const assert = require("node:assert/strict");
const { evaluate } = require("../fake_host.js");

const USED = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";

module.exports = {
  async "requests take methods, headers and redirect modes as the standard has them"() {
    const { value } = await evaluate(async () => {
      const make = (init) => caught(() => new Request("http://a.example/x", init).method);
      return {
        methods: await Promise.all(["post", "pUt", "patch", "X-Own"].map((method) => make({ method }))),
        refused: await Promise.all(["connect", "TRACE", "a b", ""].map((method) => make({ method }))),
        getWithBody: await make({ body: "x" }),
        headWithBody: await make({ method: "HEAD", body: "" }),
        redirect: await make({ redirect: "sometimes" }),
        signal: await make({ signal: {} }),
        noUrl: await caught(() => new Request("/relative")),
        credentials: await caught(() => new Request("http://user@a.example/")),
        options: await make("no dictionary"),
      };
    });
    assert.deepEqual(
      value.methods.map((/** @type {any} */ each) => each[1]),
      ["POST", "PUT", "patch", "X-Own"],
    );
    for (const each of [
      ...value.refused,
      value.getWithBody,
      value.headWithBody,
      value.redirect,
      value.signal,
      value.noUrl,
    ]) {
      assert.match(each, /^TypeError: /);
    }
    assert.match(value.credentials, /^TypeError: .*credentials/);
    assert.match(value.options, /^TypeError: /);
  },

  async "a request has its defaults, and what its init says"() {
    const { value } = await evaluate(async () => {
      const show = ({ url, method, redirect, bodyUsed, body, keepalive, integrity, cf, signal, headers }) => ({
        url,
        method,
        redirect,
        bodyUsed,
        body,
        keepalive,
        integrity,
        cf,
        aborted: signal.aborted,
        headers: [...headers],
      });
      const plain = new Request("http://A.example:80/a b#part");
      const init = { method: "POST", redirect: "manual", headers: { "X-One": "1" }, cf: { own: true }, body: "text" };
      const full = new Request(new URL("http://b.example/"), init);
      return { plain: show(plain), full: { ...show(full), body: await full.text(), used: full.bodyUsed } };
    });
    assert.deepEqual(value.plain, {
      url: "http://a.example/a%20b#part",
      method: "GET",
      redirect: "follow",
      bodyUsed: false,
      body: null,
      keepalive: false,
      integrity: "",
      cf: {},
      aborted: false,
      headers: [],
    });
    assert.deepEqual(value.full.headers, [
      ["content-type", "text/plain;charset=UTF-8"],
      ["x-one", "1"],
    ]);
    assert.deepEqual([value.full.method, value.full.redirect, value.full.cf], ["POST", "manual", { own: true }]);
    assert.deepEqual([value.full.body, value.full.used], ["text", true]);
  },

  async "what comes in is a request with immutable headers"() {
    const init = {
      method: "POST",
      headers: [
        ["X-Twice", "1"],
        ["x-twice", "2"],
        ["Content-Type", "text/css"],
      ],
      body: "b",
    };
    const { value } = await evaluate(
      async (request) => ({
        own: [request.url, request.method, request.redirect, request.cf, [...request.headers]],
        change: await caught(() => request.headers.set("a", "b")),
        copyChanges: (() => {
          const copy = new Request(request, { headers: { ...Object.fromEntries(request.headers), added: "yes" } });
          copy.headers.append("more", "yes");
          return [...copy.headers.keys()];
        })(),
        moved: request.bodyUsed,
        isRequest: request instanceof Request,
        tag: String(request),
      }),
      { init },
    );
    assert.deepEqual(value.own, [
      "http://worker.example/",
      "POST",
      "manual",
      {},
      [
        ["content-type", "text/css"],
        ["x-twice", "1, 2"],
      ],
    ]);
    assert.match(value.change, /^TypeError: .*immutable/);
    assert.deepEqual(value.copyChanges, ["added", "content-type", "more", "x-twice"]);
    assert.equal(value.moved, true);
    assert.deepEqual([value.isRequest, value.tag], [true, "[object Request]"]);
  },

  async "a request made from a request moves its body and keeps the rest"() {
    const { value } = await evaluate(async () => {
      const controller = new AbortController();
      const first = new Request("http://a.example/", {
        method: "PUT",
        body: "moved",
        headers: { a: "1" },
        redirect: "error",
        signal: controller.signal,
      });
      const second = new Request(first);
      const third = new Request("http://b.example/", second);
      const used = [first.bodyUsed, second.bodyUsed];
      controller.abort();
      return {
        used,
        text: await third.text(),
        url: third.url,
        method: third.method,
        redirect: third.redirect,
        headers: [...third.headers],
        aborted: second.signal.aborted,
        again: await caught(() => new Request(first)),
        replaced: await new Request(second, { body: "new" }).text(),
      };
    });
    assert.deepEqual(value, {
      used: [true, false],
      text: "moved",
      url: "http://b.example/",
      method: "PUT",
      redirect: "error",
      headers: [
        ["a", "1"],
        ["content-type", "text/plain;charset=UTF-8"],
      ],
      aborted: true,
      again: `TypeError: ${USED}`,
      replaced: "new",
    });
  },

  async "responses take statuses, texts and headers as the standard has them"() {
    const { value } = await evaluate(async () => {
      const make = (body, init) => caught(() => new Response(body, init).status);
      return {
        good: await Promise.all([
          make("x", { status: 200 }),
          make(null, { status: 204 }),
          make("", { status: "599" }),
          make(null, { status: 304 }),
        ]),
        ranges: await Promise.all([
          make(null, { status: 199 }),
          make(null, { status: 600 }),
          make(null, { status: 101 }),
          make(null, { status: NaN }),
        ]),
        nullBody: await Promise.all([204, 205, 304].map((status) => make("", { status }))),
        statusText: await make(null, { statusText: "a\nb" }),
        header: await make(null, { headers: { "a b": "c" } }),
        init: await make(null, 5),
        defaults: (({ status, statusText, ok, type, url, redirected, body, bodyUsed, webSocket }) => ({
          status,
          statusText,
          ok,
          type,
          url,
          redirected,
          body,
          bodyUsed,
          webSocket,
        }))(new Response()),
        notOk: new Response(null, { status: 404, statusText: "Gone fishing" }).ok,
        error: (({ type, status, ok }) => [type, status, ok])(Response.error()),
        errorHeaders: await caught(() => Response.error().headers.set("a", "b")),
      };
    });
    assert.deepEqual(
      value.good.map((/** @type {any} */ each) => each[1]),
      [200, 204, 599, 304],
    );
    for (const each of value.ranges) assert.match(each, /^RangeError: /);
    for (const each of [...value.nullBody, value.statusText, value.header, value.init, value.errorHeaders]) {
      assert.match(each, /^TypeError: /);
    }
    assert.deepEqual(value.defaults, {
      status: 200,
      statusText: "",
      ok: true,
      type: "default",
      url: "",
      redirected: false,
      body: null,
      bodyUsed: false,
      webSocket: null,
    });
    assert.deepEqual([value.notOk, value.error], [false, ["error", 0, false]]);
  },

  async "content types follow the body unless a header names one"() {
    const { value } = await evaluate(async () => {
      const type = (body, init) => new Response(body, init).headers.get("content-type");
      const form = new FormData();
      form.append("a", "b");
      return [
        type("text"),
        type(new URLSearchParams("a=b")),
        type(new Blob(["x"], { type: "image/png" })),
        type(new Blob(["x"])),
        type(new Uint8Array(2)),
        type(new ReadableStream()),
        type(null),
        type(5),
        type("x", { headers: { "Content-Type": "a/b" } }),
        type("x", { headers: { other: "1" } }),
        type(form).replace(/=.*/, "=..."),
        Response.json(1).headers.get("content-type"),
        Response.json(1, { headers: { "content-type": "a/json" } }).headers.get("content-type"),
      ];
    });
    const text = "text/plain;charset=UTF-8";
    assert.deepEqual(value, [
      text,
      "application/x-www-form-urlencoded;charset=UTF-8",
      "image/png",
      null,
      null,
      null,
      null,
      text,
      "a/b",
      text,
      "multipart/form-data; boundary=...",
      "application/json",
      "a/json",
    ]);
  },

  async "Response.json and Response.redirect"() {
    const { value } = await evaluate(async () => {
      const redirected = Response.redirect("http://a.example/ä", 308);
      return {
        text: await Response.json({ a: [1, undefined], date: new Date(0), half: "\ud800" }).text(),
        status: Response.json(null, { status: 418, statusText: "teapot" }).status,
        nothing: await caught(() => Response.json(undefined)),
        cycle: await caught(() => {
          const a = {};
          a.a = a;
          return Response.json(a);
        }),
        redirected: [redirected.status, redirected.headers.get("location"), redirected.body],
        plain: Response.redirect("http://a.example/").status,
        immutable: await caught(() => redirected.headers.set("a", "b")),
        bad: [
          await caught(() => Response.redirect("/relative")),
          await caught(() => Response.redirect("http://a.example/", 200)),
        ],
      };
    });
    assert.deepEqual(JSON.parse(value.text), { a: [1, null], date: "1970-01-01T00:00:00.000Z", half: "\ud800" });
    assert.equal(value.status, 418);
    for (const each of [value.nothing, value.cycle, value.immutable, value.bad[0]]) assert.match(each, /^TypeError: /);
    assert.match(value.bad[1], /^RangeError: /);
    assert.deepEqual(value.redirected, [308, "http://a.example/%C3%A4", null]);
    assert.equal(value.plain, 302);
  },
};
