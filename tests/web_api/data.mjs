// Checks of URLs, headers, random values and digests, blobs and forms. What a check is: see areas.mjs.

export const URLS = [
  ["the members of URL", () => Object.keys(URL.prototype).sort()],
  ["what is no URL", () => new URL("nonsense")],
  ["a base that is no URL", () => new URL("http://a/", "nonsense")],
  ["canParse and parse", () => [URL.canParse("http://a"), URL.canParse("x"), URL.canParse("x", "http://a"),
    URL.parse("x"), URL.parse("x", "http://a/b/c").href]],
  ["URL in JSON and in text", () => [JSON.stringify({ url: new URL("http://a") }), `${new URL("http://b/?c")}`]],
  ["arguments of URL are converted", () => [new URL({ toString: () => "http://a/b" }).href,
    new URL("x", new URL("http://a/b")).href]],
  ["search parameters change the URL", () => {
    const url = new URL("http://a/?x=1&y=2#z");
    const { searchParams } = url;
    searchParams.append("é &=", "+ %");
    searchParams.delete("x");
    const first = url.href;
    url.search = "?q=5";
    const second = [searchParams.get("q"), searchParams.size, url.searchParams === searchParams];
    searchParams.delete("q");
    return [first, second, url.href, url.search];
  }],
  ["the fragment stays where the query changes", () => {
    const url = new URL("http://a/b#c?d");
    url.searchParams.set("e", "f");
    const seen = [url.href];
    url.hash = "";
    seen.push(url.href);
    url.hash = "#";
    seen.push(url.href, url.hash);
    url.search = "?";
    return [...seen, url.href, url.search];
  }],
  ["setting href", () => {
    const url = new URL("http://a/?b=c");
    const { searchParams } = url;
    url.href = "https://x.y:8443/z?w=v";
    const seen = [url.host, searchParams.get("w")];
    try {
      url.href = "nonsense";
    } catch (error) {
      seen.push(error.name);
    }
    return [...seen, url.href];
  }],
  ["an opaque path", () => {
    const url = new URL("data:text/plain,x?y");
    url.searchParams.append("a", "b");
    url.hash = "c";
    return [url.href, url.origin, url.pathname];
  }],
  ["URLSearchParams of every kind", () => [
    "?a=b&c", "a=b&a=c", "", "&&a&=b&c=", { a: 1, b: [2, 3] }, [["a", "b"], ["c", "d"]], new Map([["x", "y"]]),
    new URLSearchParams("q=1"), undefined, null, "+%2B%zz%F0%9F%98%80%ff", "\ufeffa=%EF%BB%BF",
  ].map((init) => [...new URLSearchParams(init)])],
  ["pairs of the wrong length", () => new URLSearchParams([["a"]])],
  ["pairs that are none", () => new URLSearchParams([1])],
  ["methods of URLSearchParams", () => {
    const params = new URLSearchParams("b=2&a=1&b=3&c=4&a=0");
    const seen = [params.get("b"), params.get("z"), params.getAll("b"), params.has("a"), params.has("a", "9"),
      params.has("a", undefined), params.size];
    params.set("b", "new");
    params.set("d", "5");
    params.delete("a", "0");
    seen.push(params.toString());
    params.sort();
    seen.push(String(params), [...params.keys()], [...params.values()], [...params.entries()]);
    params.forEach((value, key, all) => seen.push(value + key + (all === params)));
    return seen;
  }],
  ["sorting is by code units and stable", () => {
    const params = new URLSearchParams("\ufffd=1&\u{1f600}=2&a=3&a=4&A=5");
    params.sort();
    return [...params];
  }],
  ["iteration is live", () => {
    const params = new URLSearchParams("a=1&b=2&c=3");
    const seen = [];
    for (const [key] of params) {
      seen.push(key);
      params.delete(key);
    }
    return [seen, [...params]];
  }],
  ["iterators of URLSearchParams", () => {
    const iterator = new URLSearchParams("a=1").entries();
    return [Object.prototype.toString.call(iterator), iterator[Symbol.iterator]() === iterator, iterator.next(),
      iterator.next(), typeof iterator.map];
  }],
  ["serialisation leaves *-._ alone", () => new URLSearchParams({ "a*-._~!'()b": " \u007f\u0080é😀\ud800" }).toString()],
  ["too few arguments", () => new URLSearchParams().append("a")],
  ["a foreign this", () => URLSearchParams.prototype.get.call({}, "a")],
  ["URL is a constructor only", () => URL("http://a")],
];

export const HEADERS = [
  ["names and values are normalised", () => [...new Headers({ "X-B": " b\t", "x-a": "1", "X-b2": "\r\n z " })]],
  ["values are combined", () => {
    const headers = new Headers([["a", "1"], ["A", "2"], ["b", ""]]);
    headers.append("a", "3");
    return [headers.get("A"), headers.get("b"), headers.get("c"), headers.has("B"), [...headers]];
  }],
  ["Set-Cookie stays apart", () => {
    const headers = new Headers([["set-cookie", "a=1"], ["z", "1"], ["Set-Cookie", "b=2"], ["a", "0"]]);
    return [[...headers], headers.getSetCookie(), headers.get("set-cookie"), new Headers().getSetCookie()];
  }],
  ["getAll is for Set-Cookie", () => {
    const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
    try {
      headers.getAll("x");
    } catch (error) {
      return [headers.getAll("Set-Cookie"), error.name];
    }
  }, [["a=1", "b=2"], "TypeError"]],
  ["set and delete", () => {
    const headers = new Headers([["a", "1"], ["b", "2"], ["a", "3"]]);
    headers.set("A", "4");
    headers.delete("B");
    headers.delete("none");
    headers.set("c", "5");
    return [...headers];
  }],
  ["order of iteration", () => [...new Headers({ c: 1, b: 2, a: 3, "a-b": 4, "a.b": 5, _: 6 }).keys()]],
  ["iteration is live", () => {
    const headers = new Headers({ a: "1", c: "3" });
    const seen = [];
    for (const [name] of headers) {
      seen.push(name);
      if (name === "a") headers.set("b", "2");
    }
    return seen;
  }],
  ["forEach", () => {
    const seen = [];
    const headers = new Headers({ b: "1", a: "2" });
    headers.forEach(function (value, name, all) { seen.push([value, name, all === headers, this]); }, 5);
    return seen;
  }],
  ["Headers of Headers are a copy", () => {
    const first = new Headers([["a", "1"], ["set-cookie", "x"], ["set-cookie", "y"]]);
    const second = new Headers(first);
    second.set("a", "2");
    return [[...first], [...second]];
  }],
  ["Headers of a Map and of nothing", () => [[...new Headers(new Map([["a", "1"]]))], [...new Headers()],
    [...new Headers(undefined)], [...new Headers({})]]],
  ...["{ 'b c': '1' }", "{ '': '1' }", "{ 'é': '1' }", "{ a: 'x\\ny' }", "{ a: 'x\\0y' }", "{ a: '\\u0100' }",
    "[['a']]", "[['a', 'b', 'c']]", "null", "5", "'ab'", "{ [Symbol('x')]: '1' }"]
    .map((init) => [`Headers refuses ${init}`, new Function(`return () => new Headers(${init})`)()]),
  ["methods refuse what is no name", () => new Headers().get("a b")],
  ["a value of bytes", () => new Headers({ a: "é" }).get("a")],
  ["symbols are ignored in an object unless enumerable", () => {
    const init = { a: "1" };
    Object.defineProperty(init, Symbol.toStringTag, { value: "x", enumerable: false });
    return [...new Headers(init)];
  }, [["a", "1"]]],
  ["immutable headers", () => {
    const headers = inside.freezeHeaders(new Headers({ a: "1" }));
    return ["append", "set", "delete"].map((method) => {
      try {
        headers[method]("b", "2");
      } catch (error) {
        return [error.name, headers.get("a")];
      }
    }).concat([[...new Headers(headers)]]);
  }, [["TypeError", "1"], ["TypeError", "1"], ["TypeError", "1"], [["a", "1"]]]],
  ["headers from the host", () => {
    const headers = inside.headersFrom([["b", "1"], ["a", "2"], ["b", "3"]], true);
    return [[...headers], inside.headerPairs(headers), headers.get("B")];
  }, [[["a", "2"], ["b", "1, 3"]], [["b", "1"], ["a", "2"], ["b", "3"]], "1, 3"]],
];

export const CRYPTO = [
  ["getRandomValues fills every integer array", () => [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array,
    Uint32Array, BigUint64Array].map((Kind) => {
    const array = new Kind(32);
    return [crypto.getRandomValues(array) === array, new Set(Array.from(array, String)).size > 4];
  })],
  ["getRandomValues leaves the rest of the buffer alone", () => {
    const buffer = new ArrayBuffer(64);
    crypto.getRandomValues(new Uint8Array(buffer, 16, 16));
    const bytes = [...new Uint8Array(buffer)];
    return [bytes.slice(0, 16).every((byte) => byte === 0), bytes.slice(32).every((byte) => byte === 0)];
  }],
  ["64 KiB at most", () => crypto.getRandomValues(new Uint8Array(65537))],
  ["64 KiB", () => crypto.getRandomValues(new Uint8Array(65536)).length],
  ["no floats", () => crypto.getRandomValues(new Float64Array(1))],
  ["no DataView", () => crypto.getRandomValues(new DataView(new ArrayBuffer(1)))],
  ["nothing but arrays", () => crypto.getRandomValues([1])],
  ["randomUUID", () => {
    const uuids = Array.from({ length: 200 }, () => crypto.randomUUID());
    return [new Set(uuids).size, uuids.every((uuid) =>
      /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(uuid))];
  }],
  ["random values differ within one fetch of them",
    () => new Set(Array.from({ length: 300 }, () => inside.randomBytes(16).join())).size, 300],
  ["not in module scope", () => {
    inside.leaveRequest();
    return [() => crypto.getRandomValues(new Uint8Array(1)), () => crypto.randomUUID()].map((call) => {
      try {
        return call();
      } catch (error) {
        return error.message.includes("global scope");
      }
    });
  }, [true, true]],
  ["digests", () => Promise.all(["SHA-1", "sha-256", "SHA-384", { name: "SHA-512" }].map(async (algorithm) =>
    new Uint8Array(await crypto.subtle.digest(algorithm, new TextEncoder().encode("abc")))))],
  ["MD5", async () => [...new Uint8Array(await crypto.subtle.digest("MD5", new Uint8Array()))].map((byte) =>
    byte.toString(16).padStart(2, "0")).join(""),
    "d41d8cd98f00b204e9800998ecf8427e"],
  ["a digest of part of a buffer", async () => new Uint8Array(await crypto.subtle.digest("SHA-1",
    new Uint8Array([1, 2, 3, 4]).subarray(1, 3)))],
  ["an unknown digest", () => crypto.subtle.digest("SHA-3", new Uint8Array())],
  ["a digest of no bytes", () => crypto.subtle.digest("SHA-1", "text")],
  ["timingSafeEqual", () => {
    const { subtle } = crypto;
    return [subtle.timingSafeEqual(new Uint8Array([1, 2]), new Uint8Array([1, 2]).buffer),
      subtle.timingSafeEqual(new Uint8Array([1]), new Uint8Array([2]))];
  }, [true, false]],
];

export const BLOBS = [
  ["Blob joins its parts", async () => {
    const blob = new Blob(["aé", new Uint8Array([1, 2]), new Uint8Array([3]).buffer, new Blob(["x"]), 5,
      new DataView(new ArrayBuffer(1))], { type: "Text/Plain" });
    return [blob.size, blob.type, new Uint8Array(await blob.arrayBuffer()), await blob.bytes()];
  }],
  ["slices", () => Promise.all([[], [1], [1, 3], [-2], [-3, -1], [3, 1], [0, 100]].map(async (range) => {
    const slice = new Blob(["abcdef"], { type: "a/b" }).slice(...range);
    return [await slice.text(), slice.type];
  }))],
  ["types of blobs", () => ["A/B", "é", "a\n", ""].map((type) => new Blob([], { type }).type)],
  ["a blob as a stream", async () => {
    const bytes = [];
    for await (const chunk of new Blob(["ab", "c"]).stream()) bytes.push(...chunk);
    return bytes;
  }],
  ["a blob does not change with its parts", async () => {
    const part = new Uint8Array([1]);
    const blob = new Blob([part]);
    part[0] = 2;
    (await blob.bytes())[0] = 3;
    return blob.bytes();
  }],
  ["a string is no list of parts", () => new Blob("abc")],
  ["File", () => {
    const file = new File(["x"], "n/a.txt", { type: "text/plain", lastModified: 5 });
    return [file.name, file.lastModified, file.size, file.type, file instanceof Blob,
      Object.prototype.toString.call(file)];
  }],
  ["a file is as old as its turn", () => {
    inside.clock.nowMs = 99;
    return new File([], "x").lastModified;
  }, 99],
  ["File wants a name", () => new File([])],
  ["FormData", () => {
    const form = new FormData();
    form.append("a", "1");
    form.append("b", 2);
    form.append("a", "3");
    form.append("\ud800", null);
    const seen = [form.get("a"), form.getAll("a"), form.has("b"), form.get("none"), [...form]];
    form.set("a", "4");
    form.delete("b");
    return [...seen, [...form.keys()], [...form.values()]];
  }],
  ["files in FormData", async () => {
    const form = new FormData();
    form.append("a", new Blob(["x"], { type: "a/b" }));
    form.append("b", new Blob(["y"]), "name.txt");
    form.append("c", new File(["z"], "own.txt", { lastModified: 3 }));
    form.append("d", new File(["z"], "own.txt", { lastModified: 3 }), "other.txt");
    const seen = [];
    for (const [name, file] of form) seen.push([name, file.name, file.type, await file.text(), file instanceof File,
      name > "b" && name < "d" ? file.lastModified : 0]);
    return seen;
  }],
  ["a file name without a file", () => new FormData().append("a", "text", "name")],
];
