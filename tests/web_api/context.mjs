// Checks of the console, of code from strings, and of what is on globalThis. What a check is: see areas.mjs.

export const CONSOLE = [
  ["levels", () => {
    for (const level of ["debug", "error", "info", "log", "warn"]) console[level](level, 1);
    return inside.logs;
  }, [["debug", "debug 1"], ["error", "error 1"], ["info", "info 1"], ["log", "log 1"], ["warn", "warn 1"]]],
  ["values are readable", () => {
    const circular = { name: "x" };
    circular.self = circular;
    console.log("a", 1n, -0, undefined, null, Symbol("s"), function f() {}, [1, "b", , [3]],
      { "k-k": 1, o: { p: { q: { r: 1 } } } });
    console.log(circular, new Map([["k", { v: 1 }]]), new Set([1]), new Date(0), new Uint8Array([1, 2]),
      new (class Own { a = 1; })());
    return inside.logs.map(([, text]) => text);
  }, [
    'a 1n -0 undefined null Symbol(s) [Function: f] [ 1, "b", undefined, [ 3 ] ] ' +
      '{ "k-k": 1, o: { p: { q: [Object] } } }',
    '{ name: "x", self: [Circular] } Map { "k" => { v: 1 } } Set { 1 } 1970-01-01T00:00:00.000Z ' +
      'Uint8Array [ 1, 2 ] { a: 1 }',
  ]],
  ["directives", () => {
    console.log("%s is %d%% %j %c.", "it", 50, { a: 1 }, "color: red", "rest");
    console.log("%s", "a"), console.log("100%"), console.log("%s");
    return inside.logs.map(([, text]) => text);
  }, ["it is 50% { a: 1 } . rest", "a", "100%", "%s"]],
  ["an error shows its stack", () => {
    console.error(new TypeError("a message"));
    return inside.logs[0][1].startsWith("TypeError: a message\n    at");
  }, true],
  ["what throws on being looked at is logged all the same", () => {
    console.log(new Proxy({}, { ownKeys() { throw new Error("no"); } }), { get a() { throw new Error("no"); } });
    return inside.logs.length;
  }, 1],
  ["counting and timing", () => {
    inside.clock.nowMs = 10;
    console.count("x"), console.count("x"), console.time("t");
    inside.clock.nowMs = 15;
    console.timeEnd("t"), console.assert(true, "no"), console.assert(false, "yes"), console.groupEnd();
    return inside.logs.map(([, text]) => text);
  }, ["x: 1", "x: 2", "t: 5ms", "Assertion failed: yes"]],
  ["console has Workers' methods", () => [Object.keys(console).sort().join(), String(console)], [
    "assert,clear,count,countReset,debug,dir,dirxml,error,group,groupCollapsed,groupEnd,info,log,profile,profileEnd," +
      "table,time,timeEnd,timeLog,timeStamp,trace,warn",
    "[object console]",
  ]],
  ["reportError is logged", () => {
    reportError(new Error("a message"));
    return [inside.logs[0][0], inside.logs[0][1].startsWith("Uncaught Error: a message")];
  }, ["error", true]],
  ["queueMicrotask", async () => {
    const seen = [];
    Promise.resolve().then(() => seen.push("before"));
    queueMicrotask(() => seen.push("it"));
    Promise.resolve().then(() => seen.push("after"));
    seen.push("now");
    await null;
    await null;
    return seen;
  }],
  ["an exception in a microtask is reported", async () => {
    queueMicrotask(() => { throw new Error("in a microtask"); });
    await null;
    await null;
    return inside.logs.length;
  }, 1],
  ["queueMicrotask wants a function", () => queueMicrotask("code")],
];

export const CODEGEN = [
  ["ways to code from strings are closed", () => {
    const ways = {
      eval: () => eval("1"),
      "indirect eval": () => (0, eval)("1"),
      "globalThis.eval": () => globalThis["eval"]("1"),
      Function: () => new Function("return 1"),
      "call of Function": () => Function("return 1"),
      "constructor of a function": () => (() => {}).constructor("return 1"),
      "constructor of a built-in": () => Math.max.constructor("return 1"),
      "constructor of a class": () => Headers.constructor("return 1"),
      "constructor of a method": () => new URL("http://a").toString.constructor("return 1"),
      GeneratorFunction: () => (function* () {}).constructor("yield 1"),
      AsyncFunction: () => (async () => {}).constructor("return 1"),
      AsyncGeneratorFunction: () => (async function* () {}).constructor("yield 1"),
      "prototype of GeneratorFunction": () =>
        Object.getPrototypeOf(Object.getPrototypeOf(function* () {}).constructor)("return 1"),
      subclass: () => new (class extends Function {})("return 1"),
      "subclass of AsyncFunction": () => new (class extends (async () => {}).constructor {})("return 1"),
      "Reflect.construct": () => Reflect.construct(Function, ["return 1"]),
      "Reflect.construct with another target": () => Reflect.construct(Function, ["return 1"], Object),
      bind: () => Function.bind(null, "return 1")(),
      "bound by Reflect": () => Reflect.apply(Function, null, ["return 1"]),
      "a proxy": () => new Proxy(Function, {})("return 1"),
      "Symbol.species": () => Function[Symbol.species]?.("return 1") ?? Function("x"),
      "its descriptor": () => Object.getOwnPropertyDescriptor(Function.prototype, "constructor").value("return 1"),
      "an iterator helper's": () => Iterator.prototype.map.constructor("return 1"),
      "a getter's": () => Object.getOwnPropertyDescriptor(URL.prototype, "href").get.constructor("return 1"),
      "a callback of the streams": () => ReadableStream.prototype.getReader.constructor("return 1"),
    };
    return Object.keys(ways).filter((way) => {
      try {
        ways[way]();
        return true;
      } catch (error) {
        return !(error instanceof EvalError);
      }
    });
  }, []],
  ["eval of anything but a string is that", () => [eval(5), eval()]],
  ["functions are still instances of Function", () => [
    (() => {}) instanceof Function, (function* () {}) instanceof Function, (() => {}).constructor === Function,
    Function.prototype === Object.getPrototypeOf(() => {}), Function.name, Function.length,
    (async () => {}).constructor.name, Object.getPrototypeOf((async () => {}).constructor) === Function,
    Object.prototype.toString.call(async () => {}),
  ]],
  ["frames of the prelude give no function and no object away", () => {
    let frames = [];
    Error.prepareStackTrace = (_, sites) => {
      frames = sites.map((site) => [site.getFileName(), site.getFunction(), site.getThis()]);
      return "";
    };
    new URLSearchParams([{ [Symbol.iterator]() { new Error("x").stack; return ["a", "b"][Symbol.iterator](); } }]);
    const inner = frames.filter(([file]) => file === "prelude");
    return [inner.length > 0, inner.every(([, callee, receiver]) => callee === undefined && receiver === undefined)];
  }, [true, true]],
];

/** A check that a class looks as in Node; `others` are members beyond the standards, Node's or Workers'. */
const SURFACE_OF_CLASS = (name) => new Function(`return () => {
  const others = /^(createObjectURL|revokeObjectURL|textStream|getAll)$/;
  const describeMember = (holder, key) => {
    const { value, writable, enumerable, configurable, get, set } = Object.getOwnPropertyDescriptor(holder, key);
    const isOfFunctions = typeof holder === "function" && ["length", "name", "prototype"].includes(key);
    if (isOfFunctions) return [key, writable, enumerable, configurable].join();
    const shape = get || set ? [get?.name, set?.name] : [writable, typeof value === "function" ? value.name : value];
    return [key, enumerable, configurable, ...shape].join();
  };
  const describe = (holder) => {
    const keys = Object.getOwnPropertyNames(holder).filter((key) => !others.test(key));
    return keys.sort().map((key) => describeMember(holder, key));
  };
  const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(globalThis, "${name}");
  const Interface = globalThis["${name}"];
  const tag = Object.getOwnPropertyDescriptor(Interface.prototype, Symbol.toStringTag);
  return [writable, enumerable, configurable, Object.getPrototypeOf(Interface).name,
    Object.getPrototypeOf(Interface.prototype).constructor.name,
    tag.value, tag.writable, tag.enumerable, tag.configurable, describe(Interface), describe(Interface.prototype)];
}`)();

/** Those that Node has as Web IDL wants them. */
const CLASSES = [
  "AbortController", "Blob", "ByteLengthQueuingStrategy", "CountQueuingStrategy", "CustomEvent", "EventTarget", "File",
  "FormData", "ReadableStream", "TextDecoder", "TextEncoder", "TransformStream", "URL", "URLSearchParams",
  "WritableStream",
];

export const SURFACE = [
  ...CLASSES.map((name) => [`the shape of ${name}`, SURFACE_OF_CLASS(name)]),
  ["the members of Headers", () => Object.keys(Headers.prototype).filter((key) => key !== "getAll").sort()],
  ["members of every class are enumerable and configurable", () => [
    AbortSignal, Event, Headers, TextDecoderStream, TextEncoderStream, DOMException, Crypto, SubtleCrypto, Performance,
    Navigator, Scheduler,
  ].flatMap(({ name, prototype }) => Object.getOwnPropertyNames(prototype).filter((key) => {
    const { enumerable, configurable, writable, value } = Object.getOwnPropertyDescriptor(prototype, key);
    if (key === "constructor") return enumerable || !configurable;
    return typeof value === "number" ? !enumerable || configurable || writable : !enumerable || !configurable;
  }).map((key) => `${name}.${key}`)), []],
  ["names on the global object are not enumerable", () => Object.keys(globalThis), ["inside"]],
  ["self and navigator", () => [self === globalThis, navigator.userAgent, Object.prototype.toString.call(navigator)],
    [true, "Cloudflare-Workers", "[object Navigator]"]],
  ["what a Worker must not have", () => [
    "SharedArrayBuffer", "require", "process", "Buffer", "module", "exports", "global", "importScripts", "Deno",
  ].filter((name) => name in globalThis), []],
  ["scheduler.wait", async () => {
    const waiting = scheduler.wait(25.5);
    inside.timers[0].callback();
    return [inside.timers[0].ms, await waiting];
  }, [25, undefined]],
  ["scheduler.wait is taken back by its signal", async () => {
    const controller = new AbortController();
    const waiting = scheduler.wait(1000, { signal: controller.signal });
    controller.abort("enough");
    return waiting.catch((reason) => [reason, inside.timers[0].callback]);
  }, ["enough", null]],
  ["scheduler.wait with a signal aborted before", () => {
    const signal = AbortSignal.abort(new TypeError("no"));
    return scheduler.wait(1, { signal });
  }, "throws TypeError"],
  ["constructors that are not for Workers", () => {
    const interfaces = [Navigator, Performance, Crypto, SubtleCrypto, Scheduler, AbortSignal];
    return interfaces.map((Interface) => {
      try {
        new Interface();
      } catch (error) {
        return error.name;
      }
    });
  }, Array(6).fill("TypeError")],
  ["streams know what they need of here", async () => {
    const { readable, writable } = new TransformStream({
      transform(chunk, controller) { controller.enqueue(chunk * 2); },
    });
    const source = new ReadableStream({
      start(controller) { controller.enqueue(1), controller.enqueue(2), controller.close(); },
    });
    source.pipeTo(writable);
    const seen = [];
    for await (const chunk of readable) seen.push(chunk);
    return seen;
  }],
  ["a pipe is aborted by a signal", async () => {
    const signal = AbortSignal.abort();
    return new ReadableStream().pipeTo(new WritableStream(), { signal });
  }],
  ["the signal of a writable stream is an AbortSignal", async () => {
    let signal;
    const stream = new WritableStream({ start(controller) { ({ signal } = controller); } });
    await stream.abort("why");
    return [signal instanceof AbortSignal, signal.reason];
  }],
];
