// Computes and waits as asked.
import { bombs, burn } from "./bombs.mjs";

let nonce;
let inside = 0;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Between two halves of `rounds` of work, wait: `wait` ms for a timer, for the URL `fetch`, for the request's own body
 * (`body`), or for another Worker that waits `call` ms.
 */
async function mixed(url, request, env) {
  const asked = (name) => Number(url.searchParams.get(name) ?? 0);
  const before = burn(asked("rounds") / 2);
  const target = url.searchParams.get("fetch");
  if (target) await (await fetch(target)).arrayBuffer();
  const body = asked("body") ? (await request.text()).length : 0;
  if (asked("call")) await (await env.CALLEE.fetch(`http://callee/mixed?wait=${asked("call")}`)).text();
  if (asked("wait")) await pause(asked("wait"));
  return Response.json({ nonce, body, result: before ^ burn(asked("rounds") / 2), done: true });
}

/** Burn in slices with a wait behind each, so that requests of one isolate interleave. `met`: most inside at once. */
async function sliced(url) {
  inside += 1;
  let met = inside;
  let result = 0;
  for (let left = Number(url.searchParams.get("slices")); left > 0; left -= 1) {
    result ^= burn(Number(url.searchParams.get("rounds")));
    await pause(1);
    met = Math.max(met, inside);
  }
  inside -= 1;
  return Response.json({ nonce, met, result, done: true });
}

async function bomb(url) {
  const result = await bombs[url.searchParams.get("kind")](Number(url.searchParams.get("rounds")));
  return Response.json({ nonce, result, done: true });
}

/** Answer at once and burn behind the answer. */
function after(url, ctx) {
  ctx.waitUntil(pause(1).then(() => burn(Number(url.searchParams.get("rounds")))));
  return Response.json({ nonce });
}

/** A body of so many pieces, a line each, and a wait of `wait` ms before each. */
function stream(url) {
  const [pieces, wait] = ["pieces", "wait"].map((name) => Number(url.searchParams.get(name)));
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      await pause(wait);
      sent += 1;
      controller.enqueue(new TextEncoder().encode(`${sent}\n`));
      if (sent === pieces) controller.close();
    },
  });
  return new Response(body);
}

const routes = {
  "/mixed": mixed,
  "/sliced": sliced,
  "/bomb": bomb,
  "/after": (url, _request, _env, ctx) => after(url, ctx),
  "/stream": stream,
};

export default {
  fetch(request, env, ctx) {
    nonce ??= crypto.randomUUID();
    const url = new URL(request.url);
    return routes[url.pathname]?.(url, request, env, ctx) ?? Response.json({ nonce });
  },
};
