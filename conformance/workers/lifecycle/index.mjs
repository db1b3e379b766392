// Life cycle of an isolate: who serves, what survives, what overlaps, what an exception takes with it, when it ends.

const evaluations = (globalThis.isomarkEvaluations = (globalThis.isomarkEvaluations ?? 0) + 1);
let nonce; // random values are not to be had in module scope
let served = 0;
let inFlight = 0;
const held = []; // memory that only the end of the isolate gives back

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const routes = {
  /** Which isolate is this, how often was the module evaluated, how many requests has it served? */
  "/isolate": () => Response.json({ nonce, evaluations, served }),

  /** Put a mark on the global object and on the prototype of arrays, or read those that are there. */
  "/global": (url) => {
    const mark = url.searchParams.get("set");
    if (mark !== null) {
      globalThis.isomarkMark = mark;
      Array.prototype.isomarkMark = mark;
    }
    return Response.json({ nonce, mark: globalThis.isomarkMark ?? null, onArrays: [].isomarkMark ?? null });
  },

  /** Wait for a timer, or for what a URL answers. */
  "/wait": async (url) => {
    const target = url.searchParams.get("target");
    if (target) await (await fetch(target)).text();
    else await pause(Number(url.searchParams.get("ms")));
    return Response.json({ nonce, served });
  },

  /** Hold so much memory for as long as this isolate lives. */
  "/hold": (url) => {
    for (let mib = Number(url.searchParams.get("mib")); mib > 0; mib -= 1) held.push(new Uint8Array(1 << 20).fill(mib));
    return Response.json({ nonce, held: held.length });
  },

  /** Wait, and say how many requests were inside this isolate at once while waiting. */
  "/overlap": async (url) => {
    inFlight += 1;
    let most = inFlight;
    const until = Number(url.searchParams.get("until"));
    for (let turn = 0; turn < 200 && most < until; turn += 1) {
      await pause(10);
      most = Math.max(most, inFlight);
    }
    await pause(50); // let the others see that all were here
    inFlight -= 1;
    return Response.json({ nonce, most });
  },

  "/throw": () => {
    throw new TypeError("thrown by the probe");
  },

  "/reject": () => Promise.reject(new RangeError("rejected by the probe")),

  /** A promise nobody waits for rejects while the request is answered. */
  "/stray-rejection": async () => {
    Promise.reject(new Error("nobody catches this"));
    await pause(5);
    return Response.json({ nonce });
  },

  /** A promise that the request was to be kept open for rejects behind the answer. */
  "/reject-behind": (_url, context) => {
    context.waitUntil(pause(1).then(() => Promise.reject(new Error("rejected behind the answer"))));
    return Response.json({ nonce });
  },

  /** A callback throws where nobody can catch it, while the request waits. */
  "/throw-in-timer": async () => {
    setTimeout(() => {
      throw new Error("thrown by a timer's callback");
    }, 1);
    await pause(20);
    return Response.json({ nonce });
  },

  /** The stack overflows. */
  "/recurse": () => {
    const deeper = (depth) => deeper(depth + 1) + 1;
    return Response.json({ nonce, depth: deeper(0) });
  },
};

export default {
  async fetch(request, _env, context) {
    nonce ??= crypto.randomUUID();
    served += 1;
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route ? route(url, context) : new Response("no such route", { status: 404 });
  },
};
