"use strict";

// fetch() and redirects.

const assert = require("node:assert/strict");
const { evaluate } = require("../fake_host.js");
const { outside } = require("../outside.js");

const redirect = (status, location) => ({ status, headers: [["Location", location]] });

module.exports = {
  async "redirects are followed, each as a hop of its own"() {
    const { asked, options } = outside({
      "http://a.example/1": redirect(302, "/2?q#part"),
      "http://a.example/2?q": redirect(301, "http://b.example/3"),
      "http://b.example/3": { body: "arrived" },
    });
    const { value } = await evaluate(async () => {
      const response = await fetch("http://a.example/1", {
        headers: { authorization: "secret", cookie: "a=b", "x-one": "1" },
      });
      return [response.url, response.redirected, await response.text()];
    }, options);
    assert.deepEqual(value, ["http://b.example/3", true, "arrived"]);
    assert.deepEqual(
      asked.map(({ url, hop, headers }) => [url, hop, headers.map(([name]) => name).sort()]),
      [
        ["http://a.example/1", false, ["authorization", "cookie", "x-one"]],
        ["http://a.example/2?q", true, ["authorization", "cookie", "x-one"]],
        ["http://b.example/3", true, ["x-one"]],
      ],
    );
  },

  async "methods and bodies change on redirects as the standard has it"() {
    const { asked, options } = outside({
      ...Object.fromEntries(
        [301, 302, 303, 307, 308].map((status) => [`http://a.example/${status}`, redirect(status, "/end")]),
      ),
      "http://a.example/end": { body: "end" },
    });
    const { value } = await evaluate(async () => {
      const seen = [];
      for (const method of ["POST", "PUT", "HEAD"]) {
        for (const status of [301, 302, 303, 307, 308]) {
          await fetch(`http://a.example/${status}`, {
            method,
            body: method === "HEAD" ? undefined : "text",
            headers: { "content-type": "a/b" },
          });
        }
      }
      const stream = () => ReadableStream.from([new Uint8Array([65])]);
      for (const status of [303, 307]) {
        seen.push(
          await caught(async () =>
            (await fetch(`http://a.example/${status}`, { method: "POST", body: stream() })).text(),
          ),
        );
      }
      return seen;
    }, options);
    const ends = asked.filter(({ url }) => url.endsWith("/end"));
    assert.deepEqual(
      ends.slice(0, 15).map(({ method, text, headers }) => `${method} ${text} ${headers.length}`),
      [
        "GET null 0",
        "GET null 0",
        "GET null 0",
        "POST text 1",
        "POST text 1",
        "PUT text 1",
        "PUT text 1",
        "GET null 0",
        "PUT text 1",
        "PUT text 1",
        "HEAD null 1",
        "HEAD null 1",
        "HEAD null 1",
        "HEAD null 1",
        "HEAD null 1",
      ],
    );
    assert.deepEqual(value[0], ["no exception", "end"]);
    assert.match(value[1], /^TypeError: .*redirected/);
  },

  async "a redirect is handed out, or refused, when the request says so"() {
    const { options } = outside({
      "http://a.example/": { ...redirect(302, "http://b.example/"), chunks: ["moved"] },
      "http://a.example/bare": { status: 302, body: "no location" },
    });
    const { value, host } = await evaluate(async () => {
      const manual = await fetch("http://a.example/", { redirect: "manual" });
      const bare = await fetch("http://a.example/bare");
      return [
        manual.status,
        manual.headers.get("location"),
        await manual.text(),
        await bare.text(),
        await caught(() => fetch("http://a.example/", { redirect: "error" })),
      ];
    }, options);
    assert.deepEqual(value.slice(0, 4), [302, "http://b.example/", "moved", "no location"]);
    assert.match(value[4], /^TypeError: /);
    assert.equal(host.requests.get(1).bodies.get(53), "cancelled");
  },

  async "a redirect leads only to http and https, and not for ever"() {
    const { asked, options } = outside({
      "http://a.example/loop": redirect(302, "/loop"),
      "http://a.example/file": redirect(302, "file:///etc/hostname"),
      "http://a.example/data": redirect(307, "data:text/plain,x"),
      "http://a.example/odd": redirect(302, "http://[bad/"),
    });
    const { value } = await evaluate(
      async () =>
        Promise.all(["loop", "file", "data", "odd"].map((path) => caught(() => fetch(`http://a.example/${path}`)))),
      options,
    );
    for (const each of value) assert.match(each, /^TypeError: /);
    assert.equal(asked.filter(({ url }) => url.endsWith("/loop")).length, 21);
  },
};
