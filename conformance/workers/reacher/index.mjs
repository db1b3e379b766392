// Tries to reach what it is told to, in every way there is, and says what each way came to. Each way is bounded in time.

const WAY_DEADLINE_MS = 3000;

let touched = 0;

/** @typedef {{url: string, method?: string, headers?: Record<string, string>}} Attempt */

/** @param {Promise<unknown>} work */
function bounded(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no end in time")), WAY_DEADLINE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** @param {() => Promise<unknown>} way */
async function outcome(way) {
  try {
    return await bounded(way());
  } catch (error) {
    return { threw: `${error?.name}: ${error?.message}`.slice(0, 200) };
  }
}

/** @param {Attempt} attempt @param {(url: string, init: RequestInit) => Promise<Response>} fetcher */
const fetching = ({ url, method, headers }, fetcher) =>
  outcome(async () => {
    const response = await fetcher(url, { method, headers, signal: AbortSignal.timeout(WAY_DEADLINE_MS) });
    return { status: response.status, text: (await response.text()).slice(0, 200) };
  });

/** @param {string} name */
const byImport = async (name) => import(name);
const builtin = async (name) => globalThis.process.getBuiltinModule(name);

/** What is said over a connection of one's own, so that an HTTP server at the other end counts it. */
const GREETING = "GET /by-socket HTTP/1.0\r\n\r\n";

/** A connection through cloudflare:sockets or a binding: greet, and wait for the first word or the end. */
async function greet(socket) {
  try {
    await socket.opened;
    await socket.writable.getWriter().write(new TextEncoder().encode(GREETING));
    const { value } = await socket.readable.getReader().read();
    return { connected: true, answered: value !== undefined };
  } finally {
    bounded(Promise.resolve(socket.close())).catch(() => {});
  }
}

/** The same through node:net, however that was come by. */
const netConnect = (modules) => async (hostname, port) => {
  const { connect } = await modules("node:net");
  const socket = connect({ host: hostname, port });
  try {
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const answered = await new Promise((resolve) => {
      socket.once("data", () => resolve(true)).once("end", () => resolve(false)).once("error", () => resolve(false));
      socket.write(GREETING);
    });
    return { connected: true, answered };
  } finally {
    socket.destroy();
  }
};

/** @type {Record<string, (hostname: string, port: number) => Promise<unknown>>} */
const connecting = {
  "cloudflare:sockets": async (hostname, port) =>
    greet((await byImport("cloudflare:sockets")).connect({ hostname, port })),
  "cloudflare:sockets, address as text": async (hostname, port) =>
    greet((await byImport("cloudflare:sockets")).connect(`${hostname}:${port}`)),
  "node:net, imported": netConnect(byImport),
  "node:net, from process": netConnect(builtin),
  "node:http": async (hostname, port) => {
    const { get } = await byImport("node:http");
    return new Promise((resolve, reject) => {
      get({ host: hostname, port, path: "/" }, (answer) => {
        answer.resume();
        resolve({ status: answer.statusCode });
      }).on("error", reject);
    });
  },
  WebSocket: async (hostname, port) => {
    const socket = new WebSocket(`ws://${hostname}:${port}/`);
    return new Promise((resolve) => {
      socket.addEventListener("open", () => resolve({ connected: true }));
      socket.addEventListener("error", () => resolve({ threw: "error event" }));
      socket.addEventListener("close", () => resolve({ threw: "close event" }));
    });
  },
  "fetch with an upgrade": async (hostname, port) => {
    const response = await fetch(`http://${hostname}:${port}/`, { headers: { upgrade: "websocket" } });
    return { status: response.status };
  },
};

const routes = {
  /** fetch() every one of the attempts in the body. */
  "/fetch": async (request) => Promise.all((await request.json()).map((attempt) => fetching(attempt, fetch))),

  /** The same through the binding. */
  "/bound": async (request, env) => {
    const fetcher = (url, init) => env.AUTH.fetch(url, init);
    return Promise.all((await request.json()).map((attempt) => fetching(attempt, fetcher)));
  },

  /** Open a connection to every [host, port] in the body, by every means. */
  "/connect": async (request) => {
    const ends = {};
    for (const [hostname, port] of await request.json()) {
      for (const [name, way] of Object.entries(connecting)) {
        ends[`${name} to ${hostname}`] = await outcome(() => way(hostname, port));
      }
    }
    return ends;
  },

  /** The same with connect() of the binding. */
  "/connect-bound": async (request, env) => {
    const ends = {};
    for (const [hostname, port] of await request.json()) {
      ends[hostname] = await outcome(() => greet(env.AUTH.connect(`${hostname}:${port}`)));
    }
    return ends;
  },

  /** For a Worker that calls itself: was this reached, and how often? */
  "/touch": () => (touched += 1),
  "/touched": () => touched,
};

export default {
  async fetch(request, env) {
    const route = routes[new URL(request.url).pathname];
    return route ? Response.json(await route(request, env)) : new Response("no such route", { status: 404 });
  },
};
