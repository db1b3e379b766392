// One thread per isolate: counters that must not tear, threads that must not be had, waits that must overlap, work that
// other isolates must take over.

// Work that takes an engine as long before it has optimised anything as after: a division is some 2 microseconds.
const DIVIDEND = 1n << 16_384n;
const DIVISORS = [998_244_353n, 1_000_000_007n, 2_147_483_647n, 4_294_967_291n];

let nonce;
let shared = 0;
let inside = 0;
let overlaps = 0;
let counters = 0; // requests that have begun to count
let last = 0; // the one that counted last
let switches = 0; // how often another one came next

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Read, compute, write back: loses counts as soon as two run at once. Between rounds others get their turn. */
async function count(rounds, stride) {
  const self = (counters += 1);
  for (let round = 0; round < rounds; round += 1) {
    inside += 1;
    if (inside !== 1) overlaps += 1;
    if (last !== self) switches += 1;
    last = self;
    for (let step = 0; step < stride; step += 1) {
      const read = shared;
      shared = read + 1;
    }
    inside -= 1;
    await pause(0);
  }
  return Response.json({ nonce });
}

const NEVER_MS = 10_000; // a busy machine starts a thread much sooner

const SOURCE = "data:text/javascript,postMessage('ran')";

/** Ways to a second thread. Each entry tries one and returns whether code really ran in it. */
const threadWays = {
  "new Worker(url)": () => ranBehind(new globalThis.Worker(SOURCE)),
  "new Worker(url), a module": () => ranBehind(new globalThis.Worker(SOURCE, { type: "module" })),
  "new Worker(blob)": () => {
    const blob = new Blob(["postMessage('ran')"], { type: "text/javascript" });
    return ranBehind(new globalThis.Worker(URL.createObjectURL(blob)));
  },
  "new SharedWorker(url)": () => {
    const source = "data:text/javascript,onconnect=(event)=>event.ports[0].postMessage('ran')";
    return ranBehind(new globalThis.SharedWorker(source).port);
  },
  "import('node:worker_threads')": async () => {
    const name = "node:worker_threads";
    return ranIn(await import(name));
  },
  "import('worker_threads')": async () => {
    const name = "worker_threads";
    return ranIn(await import(name));
  },
  "process.getBuiltinModule('worker_threads')": async () =>
    ranIn(globalThis.process.getBuiltinModule("node:worker_threads")),
};

/** Whether a message comes from there. @param {any} worker */
function ranBehind(worker) {
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve(true);
    worker.onerror = reject;
  });
}

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
  const tries = Object.entries(threadWays).map(async ([way, attempt]) => {
    let timer;
    const giveUp = new Promise((resolve) => {
      timer = setTimeout(() => resolve("nothing ran in it"), NEVER_MS);
    });
    const trying = (async () => attempt())();
    outcome[way] = await Promise.race([trying, giveUp])
      .catch((error) => `${error?.name}: ${error?.message}`)
      .finally(() => clearTimeout(timer));
  });
  await Promise.all(tries);
  return Response.json(outcome);
}

/** Fetch `n` URLs at once; their server answers only when all have arrived. */
async function together(url) {
  const target = url.searchParams.get("target");
  const n = Number(url.searchParams.get("n"));
  const answers = await Promise.all(Array.from({ length: n }, async () => (await fetch(target)).json()));
  return Response.json(answers);
}

/** Set timers of these times at once, wait for all, and tell in which order they fired. */
async function timers(times) {
  const fired = [];
  await Promise.all(times.map((ms) => pause(ms).then(() => fired.push(ms))));
  return Response.json({ fired });
}

/** Compute without waiting. The result depends on every division. @param {number} divisions */
function burn(divisions) {
  let result = 1;
  for (let left = divisions; left > 0; left -= 1) {
    result = (Math.imul(result, 31) + Number(DIVIDEND % DIVISORS[result & 3])) | 0;
  }
  return Response.json({ nonce, result });
}

const counted = () => Response.json({ nonce, shared, overlaps, switches });

const routes = {
  "/isolate": counted,
  "/count": (url) => count(Number(url.searchParams.get("rounds")), Number(url.searchParams.get("stride"))),
  "/counted": counted,
  "/threads": tryThreads,
  "/together": together,
  "/timers": (url) => timers(url.searchParams.get("ms").split(",").map(Number)),
  "/burn": (url) => burn(Number(url.searchParams.get("divisions"))),
};

export default {
  async fetch(request) {
    nonce ??= crypto.randomUUID();
    const url = new URL(request.url);
    return routes[url.pathname]?.(url) ?? new Response("no such route", { status: 404 });
  },
};
