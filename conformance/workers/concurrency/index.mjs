// One thread per isolate: counters that must not tear, threads that must not be had, waits that must overlap.

let nonce;
let shared = 0;
let inside = 0;
let overlaps = 0;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Read, compute, write back: loses counts as soon as two run at once. Between rounds others get their turn. */
async function count(rounds, stride) {
  for (let round = 0; round < rounds; round += 1) {
    inside += 1;
    if (inside !== 1) overlaps += 1;
    for (let step = 0; step < stride; step += 1) {
      const read = shared;
      shared = read + 1;
    }
    inside -= 1;
    await pause(0);
  }
  return Response.json({ nonce });
}

/** Ways to a second thread. Each entry tries one and returns whether code really ran in it. */
const threadWays = {
  "new Worker(url)": async () => {
    const source = "data:text/javascript,postMessage('ran')";
    const worker = new globalThis.Worker(source);
    return new Promise((resolve, reject) => {
      worker.onmessage = () => resolve(true);
      worker.onerror = reject;
    });
  },
  "import('node:worker_threads')": async () => {
    const name = "node:worker_threads";
    return ranIn(await import(name));
  },
  "process.getBuiltinModule('worker_threads')": async () =>
    ranIn(globalThis.process.getBuiltinModule("node:worker_threads")),
};

/** @param {typeof import("node:worker_threads")} threads */
function ranIn(threads) {
  const source = "require('node:worker_threads').parentPort.postMessage(Atomics.add(require('node:worker_threads').workerData, 0, 1))";
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return new Promise((resolve, reject) => {
    const thread = new threads.Worker(source, { eval: true, workerData: cell });
    thread.on("message", () => resolve(Atomics.load(cell, 0) === 1));
    thread.on("error", reject);
  });
}

async function tryThreads() {
  const outcome = {};
  for (const [way, attempt] of Object.entries(threadWays)) {
    const giveUp = pause(1000).then(() => "nothing ran in it");
    outcome[way] = await Promise.race([attempt(), giveUp]).catch((error) => `${error.name}: ${error.message}`);
  }
  return Response.json(outcome);
}

/** Fetch `n` URLs at once; their server answers only when all have arrived. */
async function together(url) {
  const target = url.searchParams.get("target");
  const n = Number(url.searchParams.get("n"));
  const answers = await Promise.all(Array.from({ length: n }, async () => (await fetch(target)).json()));
  return Response.json(answers);
}

const counted = () => Response.json({ nonce, shared, overlaps });

const routes = {
  "/isolate": counted,
  "/count": (url) => count(Number(url.searchParams.get("rounds")), Number(url.searchParams.get("stride"))),
  "/counted": counted,
  "/threads": tryThreads,
  "/together": together,
};

export default {
  async fetch(request) {
    nonce ??= crypto.randomUUID();
    const url = new URL(request.url);
    return routes[url.pathname]?.(url) ?? new Response("no such route", { status: 404 });
  },
};
