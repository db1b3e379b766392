// Worker A of a service binding: calls Worker B in every way and says what came back.
import { describe, kinds, make } from "./values.mjs";

let nonce; // random values are not to be had in module scope
let served = 0;

/** What a call came to, as JSON. @param {() => Promise<unknown>} call */
async function outcome(call) {
  try {
    return { returned: (await call()) ?? null };
  } catch (error) {
    const { name, message } = error;
    return { threw: { name, message, isError: error instanceof Error, isRangeError: error instanceof RangeError } };
  }
}

const routes = {
  /** Fetch through a binding, with a method, a header and a body that must arrive. */
  "/fetch": async (url, env) => {
    const binding = env[url.searchParams.get("binding")];
    const request = new Request(url.searchParams.get("url"), {
      method: "PUT",
      headers: { "x-isomark": "from the caller" },
      body: "a body from the caller",
    });
    const response = await binding.fetch(request);
    return { status: response.status, header: response.headers.get("x-isomark"), body: await response.json() };
  },

  /** Call an RPC method with JSON arguments; afterwards, whatever it came to, call another one. */
  "/call": async (url, env) => {
    const binding = env[url.searchParams.get("binding")];
    const values = JSON.parse(url.searchParams.get("arguments") ?? "[]");
    const first = await outcome(() => binding[url.searchParams.get("method")](...values));
    return { ...first, next: await outcome(() => env.CALLEE.add(20, 22)) };
  },

  /** Send every kind of value to B, or have B send it, and describe what arrived beside what was meant. */
  "/carry": async (url, env) => {
    const there = url.searchParams.get("direction") === "there";
    const carried = {};
    for (const kind of kinds) {
      const arrived = await outcome(async () =>
        there ? env.CALLEE.describe(make(kind)) : describe(await env.CALLEE.make(kind)),
      );
      carried[kind] = { sent: describe(make(kind)), arrived: arrived.returned ?? arrived.threw };
    }
    return carried;
  },

  /** Marks on the global object and on a built-in prototype, set in A or in B, seen from both. */
  "/globals": async (url, env) => {
    const own = url.searchParams.get("caller");
    if (own !== null) {
      globalThis.isomarkMark = own;
      Array.prototype.isomarkMark = own;
    }
    const callee = await env.CALLEE.mark(url.searchParams.get("callee") ?? undefined);
    return { caller: { own: globalThis.isomarkMark ?? null, onArrays: [].isomarkMark ?? null }, callee };
  },

  /** Objects that went through a call, spoilt at the other end. */
  "/copies": async (_url, env) => {
    const sent = { inner: "untouched" };
    const returned = await env.CALLEE.alter(sent);
    const taken = await env.CALLEE.keep();
    taken.inner = "altered by the caller";
    return { sent: sent.inner, returned: returned.inner, kept: (await env.CALLEE.keep()).inner };
  },

  /** Have B compute, by fetch or by RPC; A itself only waits. */
  "/burn": async (url, env) => {
    const rounds = Number(url.searchParams.get("rounds"));
    if (url.searchParams.get("by") === "rpc") return { checksum: await env.CALLEE.burn(rounds) };
    return (await env.CALLEE.fetch(`http://callee/burn?rounds=${rounds}`)).json();
  },

  /** B's fetch handler throws; A takes whatever that is and answers. */
  "/survive": async (_url, env) => outcome(async () => (await env.CALLEE.fetch("http://callee/throw")).status),

  /** Which release of B answers, by fetch and by RPC, and is this still the same A? */
  "/release": async (_url, env) => {
    const byFetch = await env.CALLEE.fetch("http://callee/");
    return {
      fetch: await byFetch.text(),
      rpc: await env.CALLEE.release(),
      entrypoint: await env.ACCOUNTS.release(),
      nonce,
      served,
    };
  },

  /** Call B, which fetches `target` before it answers. */
  "/held": async (url, env) => ({ release: await env.CALLEE.held(url.searchParams.get("target")), nonce }),
};

export default {
  async fetch(request, env) {
    nonce ??= crypto.randomUUID();
    served += 1;
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route ? Response.json(await route(url, env)) : new Response("no such route", { status: 404 });
  },
};
