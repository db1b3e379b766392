"use strict";

// Reading a message: once, in each form, or a clone of it.

const assert = require("node:assert/strict");
const { evaluate } = require("../fake_host.js");

const USED = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";

module.exports = {
  async "bodies are read once, in each of the ways"() {
    const { value } = await evaluate(async () => {
      const ways = {};
      for (const way of ["text", "json", "arrayBuffer", "bytes", "blob", "formData"]) {
        const make = () =>
          new Response('["\u00e4"]', { headers: { "content-type": "application/x-www-form-urlencoded" } });
        const response = make();
        const result = await response[way]();
        ways[way] = [
          result?.constructor?.name ?? typeof result,
          response.bodyUsed,
          await caught(() => response.text()),
          await caught(() => response.clone()),
        ];
      }
      const empty = new Response();
      return {
        ways,
        nothing: [
          await empty.text(),
          (await empty.arrayBuffer()).byteLength,
          empty.bodyUsed,
          await caught(() => new Response().json()),
        ],
        notJson: await caught(() => new Response("{").json()),
        bytes: [...(await new Response("\u00e4").bytes())],
        blob: await new Response("x", { headers: { "content-type": "a/B" } })
          .blob()
          .then(async (blob) => [blob.type, blob.size, await blob.text()]),
        bom: await new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff])).text(),
        surrogate: await new Response("half \ud800").text(),
      };
    });
    const used = `TypeError: ${USED}`;
    for (const [way, [name, ...rest]] of Object.entries(value.ways)) {
      const names = {
        text: "String",
        json: "Array",
        arrayBuffer: "ArrayBuffer",
        bytes: "Uint8Array",
        blob: "Blob",
        formData: "FormData",
      };
      assert.equal(name, /** @type {any} */ (names)[way]);
      assert.deepEqual(rest, [true, used, used]);
    }
    assert.deepEqual(value.nothing.slice(0, 3), ["", 0, false]);
    assert.match(value.nothing[3], /^SyntaxError: /);
    assert.match(value.notJson, /^SyntaxError: /);
    assert.deepEqual(value.bytes, [0xc3, 0xa4]);
    assert.deepEqual(value.blob, ["a/b", 1, "x"]);
    assert.deepEqual([value.bom, value.surrogate], ["a\ufffd", "half \ufffd"]);
  },

  async "a body given as bytes is a copy, and what is read of it is one's own"() {
    const { value } = await evaluate(async () => {
      const given = new Uint8Array([1, 2, 3, 4]);
      const response = new Response(given.subarray(1, 3));
      const copy = response.clone();
      given.fill(9);
      const first = new Uint8Array(await response.arrayBuffer());
      first.fill(7);
      return [
        ...new Uint8Array(await copy.arrayBuffer()),
        ...(await new Response(new DataView(given.buffer, 3)).bytes()),
      ];
    });
    assert.deepEqual(value, [2, 3, 9]);
  },

  async "clones have bodies of their own, of every kind"() {
    const { value } = await evaluate(
      async (request) => {
        const stream = () =>
          new ReadableStream({
            start(c) {
              c.enqueue(new TextEncoder().encode("str"));
              c.enqueue(new TextEncoder().encode("eam"));
              c.close();
            },
          });
        const both = async (message) => {
          const copy = message.clone();
          return [await copy.text(), await message.text(), copy.constructor.name];
        };
        const looked = new Response("looked at");
        looked.body;
        return {
          incoming: await both(request),
          text: await both(new Response("text")),
          stream: await both(new Response(stream())),
          request: await both(new Request("http://a.example/", { method: "POST", body: stream() })),
          looked: await both(looked),
          nothing: await both(new Response()),
          head: (({ status, statusText, headers }) => [status, statusText, [...headers]])(
            new Response("x", { status: 201, statusText: "Made", headers: { a: "1" } }).clone(),
          ),
          locked: await caught(() => {
            const r = new Response("x");
            r.body.getReader();
            return r.clone();
          }),
        };
      },
      { init: { method: "POST", body: ["out", "side"] } },
    );
    assert.deepEqual(value, {
      incoming: ["outside", "outside", "Request"],
      text: ["text", "text", "Response"],
      stream: ["stream", "stream", "Response"],
      request: ["stream", "stream", "Request"],
      looked: ["looked at", "looked at", "Response"],
      nothing: ["", "", "Response"],
      head: [
        201,
        "Made",
        [
          ["a", "1"],
          ["content-type", "text/plain;charset=UTF-8"],
        ],
      ],
      locked: value.locked,
    });
    assert.match(value.locked, /^TypeError: .*locked/);
  },

  async "forms go both ways, with files"() {
    const named = 'Content-Disposition: form-data; name="k"';
    const { value } = await evaluate(
      async (request) => {
        const form = new FormData();
        form.append('a "quoted"\n', "line\r\nbreak \u00e4");
        form.append(
          "file",
          new File([new Uint8Array([0, 13, 10, 45, 45, 255])], "na\u00efve.bin", { type: "image/png" }),
        );
        form.append("empty", "");
        const sent = new Request("http://a.example/", { method: "POST", body: form });
        const got = await sent.formData();
        const file = got.get("file");
        const incoming = await request.formData();
        return {
          names: [...got.keys()],
          text: got.get('a "quoted"\n'),
          empty: got.get("empty"),
          file: [file.name, file.type, [...(await file.bytes())]],
          incoming: [...incoming],
          urlencoded: [
            ...(await new Response(
              new URLSearchParams([
                ["a", "1 &"],
                ["a", "2"],
              ]),
            ).formData()),
          ],
          wrongType: await caught(() => new Response("x").formData()),
          cut: await caught(() =>
            new Response("--b\r\nContent-Disposition: form-data; name=x\r\n\r\nv", {
              headers: { "content-type": "multipart/form-data; boundary=b" },
            }).formData(),
          ),
        };
      },
      {
        init: {
          method: "POST",
          headers: [["content-type", 'multipart/form-data; boundary="xyz"']],
          body: `${["v1", ""].map((text) => `--xyz\r\n${named}\r\n\r\n${text}\r\n`).join("")}--xyz--\r\n`,
        },
      },
    );
    assert.deepEqual(value.names, ['a "quoted"\n', "file", "empty"]);
    assert.deepEqual([value.text, value.empty], ["line\r\nbreak \u00e4", ""]);
    assert.deepEqual(value.file, ["na\u00efve.bin", "image/png", [0, 13, 10, 45, 45, 255]]);
    assert.deepEqual(value.incoming, [
      ["k", "v1"],
      ["k", ""],
    ]);
    assert.deepEqual(value.urlencoded, [
      ["a", "1 &"],
      ["a", "2"],
    ]);
    assert.match(value.wrongType, /^TypeError: /);
    assert.match(value.cut, /^TypeError: /);
  },
};
