// Checks of the clock, and of text and bytes. What a check is: see areas.mjs.

export const CLOCK = [
  ["Date reads the frozen clock", () => {
    inside.clock.nowMs = 1234567890123;
    return [Date.now(), new Date().getTime(), new Date(Date.now()).toISOString(), Date() === new Date().toString()];
  }, [1234567890123, 1234567890123, "2009-02-13T23:31:30.123Z", true]],
  ["Date is otherwise V8's", () => [
    new Date(0).getTime(), new Date(2020, 1, 3).getMonth(), new Date("2020-01-01T00:00:00Z").getTime(),
      Date.UTC(2020, 1),
    Date.parse("1970-01-01"), new Date(NaN).getTime(), Date.length, Date.name, typeof Date(5),
      new Date(new Date(7)).getTime(),
  ]],
  ["Date has its own shape", () => [
    Object.getOwnPropertyNames(Date), Object.keys(Date), Date.prototype.constructor === Date,
    JSON.stringify(Object.getOwnPropertyDescriptor(Date, "prototype").writable),
      Object.prototype.toString.call(new Date(0)),
  ]],
  ["a subclass of Date is one", () => {
    inside.clock.nowMs = 77;
    class Moment extends Date {
      twice() { return this.getTime() * 2; }
    }
    const moment = new Moment();
    return [moment.twice(), moment instanceof Moment, moment instanceof Date, new Moment(4).twice()];
  }, [154, true, true, 8]],
  ["V8's own Date is out of reach", () => {
    inside.clock.nowMs = 5;
    const ways = [new Date(9).constructor, Date.prototype.constructor, Object.getPrototypeOf(new Date(9)).constructor];
    return ways.every((way) => way === Date && way.now() === 5);
  }, true],
  ["Intl.DateTimeFormat reads the frozen clock", () => {
    inside.clock.nowMs = Date.UTC(2001, 1, 3, 4, 5, 6, 789);
    const format = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", year: "numeric", fractionalSecondDigits: 3 });
    const { format: bound } = format;
    return [bound() === bound(inside.clock.nowMs), format.format === bound, bound().includes("2001"),
      format.formatToParts().some(({ value }) => value === "2001")];
  }, [true, true, true, true]],
  ["performance counts from 1970", () => {
    inside.clock.nowMs = 1000.5;
    return [performance.now(), performance.timeOrigin, Object.prototype.toString.call(performance)];
  }, [1000.5, 0, "[object Performance]"]],
  ["an Event is as old as its turn", () => {
    inside.clock.nowMs = 42;
    return new Event("x").timeStamp;
  }, 42],
];

export const ENCODING = [
  ["TextEncoder writes UTF-8", () => ["", "abc", "é", "€", "😀", "a😀b", "\ud800", "\udc00x", "x\ud83d",
    "\ud83d\ud83d\ude00", "\0"]
    .map((text) => new TextEncoder().encode(text))],
  ["TextEncoder converts its argument", () => [undefined, null, 5, {}].map((value) => new TextEncoder().encode(value))],
  ["encodeInto stops at the last whole character", () => ["abc", "é€", "😀", "a\ud800b", ""].flatMap((text) =>
    [0, 1, 2, 3, 4, 5, 8].map((room) => {
      const bytes = new Uint8Array(room);
      return [new TextEncoder().encodeInto(text, bytes), bytes];
    }))],
  ["encodeInto wants a Uint8Array", () => new TextEncoder().encodeInto("a", new Uint16Array(2))],
  ["TextDecoder reads UTF-8", () => [
    [], [0x61], [0xc3, 0xa9], [0xe2, 0x82, 0xac], [0xf0, 0x9f, 0x98, 0x80], [0xff], [0xc3], [0xe2, 0x82],
      [0xf0, 0x9f, 0x98],
    [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
    [0xf0, 0x80, 0x80, 0x80], [0xe2, 0x28, 0xa1], [0xf0, 0x28, 0x8c, 0xbc], [0x61, 0x80, 0x62],
      [0xef, 0xbb, 0xbf, 0x61],
    [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], [0x61, 0xef, 0xbb, 0xbf], [0xef, 0xbb], [0xf0, 0x90, 0x28, 0x8c], [0, 0x7f],
  ].map((bytes) => {
    const fatal = () => {
      try {
        return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
      } catch (error) {
        return error.name;
      }
    };
    return [new TextDecoder().decode(new Uint8Array(bytes)), new TextDecoder("utf8",
      { ignoreBOM: true }).decode(new Uint8Array(bytes)), fatal()];
  })],
  ["random bytes decode as in Node", () => {
    let seed = 7;
    const random = (below) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    const lead = [0x41, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0x80, 0xbf, 0xef, 0xbb, 0x9f, 0xa0, 0xff, 0x00, 0x90];
    const texts = [];
    for (let round = 0; round < 400; round++) {
      const bytes = Uint8Array.from({ length: random(60) },
        () => (random(3) ? lead[random(lead.length)] : random(256)));
      const decoder = new TextDecoder(round % 3 === 0 ? "utf-16le" : "utf-8", { ignoreBOM: round % 2 === 0 });
      const cut = random(bytes.length + 1);
      texts.push(new TextDecoder().decode(bytes));
      texts.push(decoder.decode(bytes.subarray(0, cut), { stream: true }) + "|" + decoder.decode(bytes.subarray(cut)));
    }
    return texts;
  }],
  ["a long text survives", () => {
    const text = "ASCII run ".repeat(2000) + "é".repeat(5000) + "😀".repeat(5000) + "x".repeat(9000);
    const bytes = new TextEncoder().encode(text);
    return [bytes.length, bytes.buffer.byteLength === bytes.length, new TextDecoder().decode(bytes) === text];
  }],
  ["a stream may be cut anywhere", () => {
    const bytes = new TextEncoder().encode("\ufeffaé€😀z");
    return Array.from({ length: bytes.length + 1 }, (_, cut) => {
      const decoder = new TextDecoder();
      return [decoder.decode(bytes.subarray(0, cut), { stream: true }), decoder.decode(bytes.subarray(cut)),
        decoder.decode(bytes)];
    });
  }],
  ["UTF-16LE", () => [[0x61, 0], [0x61, 0, 0x62], [0x3d, 0xd8, 0, 0xde], [0x3d, 0xd8], [0, 0xdc, 0x61, 0],
    [0xff, 0xfe, 0x61, 0], [0x3d, 0xd8, 0x61, 0]]
    .map((bytes) => new TextDecoder("utf-16").decode(new Uint8Array(bytes)))],
  ["latin1 is windows-1252", () => [
    new TextDecoder("latin1").encoding, Array.from({ length: 256 }, (_,
      byte) => new TextDecoder("ascii").decode(Uint8Array.of(byte)).codePointAt(0)),
  ]],
  ["labels of encodings", () => [" UTF-8\n", "utf8", "Unicode", "UCS-2", "l1", "us-ascii", "x-cp1252", "iso-8859-1",
    "unicode-1-1-utf-8"]
    .map((label) => new TextDecoder(label).encoding)],
  ["an unknown encoding is a RangeError", () => new TextDecoder("klingon")],
  ["input of every kind", () => {
    const buffer = new Uint8Array([0x61, 0x62, 0x63, 0x64]).buffer;
    return [buffer, new DataView(buffer, 1), new Uint16Array(buffer, 2, 1),
      undefined].map((input) => new TextDecoder().decode(input));
  }],
  ["a string is no input", () => new TextDecoder().decode("abc")],
  ["null is no input", () => new TextDecoder().decode(null)],
  ["options of TextDecoder", () => {
    const decoder = new TextDecoder("utf-8", { fatal: 1, ignoreBOM: "" });
    return [decoder.fatal, decoder.ignoreBOM, decoder.encoding, new TextEncoder().encoding];
  }],
  ["btoa and atob", () => ["", "a", "ab", "abc", "\xff\xfe\x00", "hello world"].map((text) => [btoa(text),
    atob(btoa(text)) === text])],
  ["atob forgives white space", () => [" Y W I = ", "YWI", "YQ", "YQ==", "\tYWJj\n", ""].map((text) => atob(text))],
  ...["*", "Y", "YQ=", "=", "YQ===", "YWJj=", "Y=Q=", "é", "YQ==YQ=="].map((text) =>
    [`atob refuses ${text}`, new Function(`return () => atob(${JSON.stringify(text)})`)()]),
  ["btoa refuses what is no byte", () => btoa("\u0100")],
  ["atob without an argument", () => atob()],
  ["base64 of any bytes", () => [0, 1, 2, 3, 4, 255, 1000].every((length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 89) & 255);
    return inside.base64Decode(inside.base64Encode(bytes)).join() === bytes.join();
  }), true],
  ["utf8Decode drops a byte-order mark", () => inside.utf8Decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])), "a"],
  ["TextDecoderStream", async () => {
    const stream = new TextDecoderStream();
    const writer = stream.writable.getWriter();
    for (const byte of new TextEncoder().encode("a€😀")) writer.write(Uint8Array.of(byte));
    writer.close();
    let text = "";
    for await (const chunk of stream.readable) text += chunk;
    return [text, stream.encoding, stream.fatal];
  }],
  ["a fatal TextDecoderStream fails", async () => {
    const stream = new TextDecoderStream("utf-8", { fatal: true });
    const writer = stream.writable.getWriter();
    writer.write(Uint8Array.of(0xff)).catch(() => {});
    writer.close().catch(() => {});
    for await (const chunk of stream.readable) return chunk;
  }],
  ["TextEncoderStream joins surrogates", async () => {
    const stream = new TextEncoderStream();
    const writer = stream.writable.getWriter();
    for (const text of ["a", "\ud83d", "\ude00", "\ud83d", "b", "", "\ud83d"]) writer.write(text);
    writer.close();
    const bytes = [];
    for await (const chunk of stream.readable) bytes.push(...chunk);
    return bytes;
  }],
];
