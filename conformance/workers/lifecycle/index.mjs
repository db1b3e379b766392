// Life cycle of an isolate: who serves, what survives, what overlaps, what an exception takes with it.

const evaluations = (globalThis.isomarkEvaluations = (globalThis.isomarkEvaluations ?? 0) + 1);
let nonce; // random values are not to be had in module scope
let served = 0;
let inFlight = 0;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const routes = {
  /** Which isolate is this, how often was the module evaluated, how many requests has it served? */
  "/isolate": () => Response.json({ nonce, evaluations, served }),

  /** Put a mark on the global object, or read the one that is there. */
  "/global": (url) => {
    const mark = url.searchParams.get("set");
    if (mark !== null) globalThis.isomarkMark = mark;
    return Response.json({ nonce, mark: globalThis.isomarkMark ?? null });
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
};

export default {
  async fetch(request) {
    nonce ??= crypto.randomUUID();
    served += 1;
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route ? route(url) : new Response("no such route", { status: 404 });
  },
};
