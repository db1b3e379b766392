// Keeps an I/O object of one request in module scope, for another request to try.

const NEVER_MS = 5000; // far beyond what a busy machine needs to hand over what is there

let nonce;
let kept = null;

/** What one read of a reader gives, as text. @param {ReadableStreamDefaultReader<Uint8Array>} reader */
async function firstOf(reader) {
  const { value } = await reader.read();
  return value === undefined ? "" : new TextDecoder().decode(value);
}

/**
 * I/O objects by kind: how a request comes to one, and how its content is had.
 * @type {Record<string, { take: (request: Request, target: string) => any, use: (object: any) => Promise<string> }>}
 */
const kinds = {
  "request-text": { take: (request) => request, use: (request) => request.text() },
  "request-body": { take: (request) => request.body, use: (body) => firstOf(body.getReader()) },
  "request-reader": { take: (request) => request.body.getReader(), use: firstOf },
  "response-text": { take: (_, target) => fetch(target), use: (response) => response.text() },
  "response-body": { take: async (_, target) => (await fetch(target)).body, use: (body) => firstOf(body.getReader()) },
  "response-reader": { take: async (_, target) => (await fetch(target)).body.getReader(), use: firstOf },
};

/** What using an object comes to: its content (cut), an error, or nothing for a while. */
async function outcomeOf({ kind, object }) {
  const attempt = async () => {
    try {
      return { gave: (await kinds[kind].use(object)).slice(0, 100) };
    } catch (error) {
      return { threw: String(error?.name) };
    }
  };
  let timer;
  const nothing = new Promise((resolve) => {
    timer = setTimeout(() => resolve({ nothing: `for ${NEVER_MS} ms` }), NEVER_MS);
  });
  return Promise.race([attempt(), nothing]).finally(() => clearTimeout(timer));
}

const routes = {
  /** Take an object and use it within the same request. */
  "/own": async (request, query) => {
    const kind = query.get("kind");
    const object = await kinds[kind].take(request, query.get("target"));
    return { nonce, outcome: await outcomeOf({ kind, object }) };
  },

  /** Take an object and keep it, beside a plain value; then stay open until the URL `hold` answers, if there is one. */
  "/keep": async (request, query) => {
    const kind = query.get("kind");
    const object = await kinds[kind].take(request, query.get("target"));
    kept = { kind, object, plain: `kept by ${query.get("kind")}` };
    const hold = query.get("hold");
    if (hold) await (await fetch(hold)).text();
    return { nonce };
  },

  /** Use what another request has kept. */
  "/use": async () => ({ nonce, plain: kept?.plain ?? null, outcome: kept && (await outcomeOf(kept)) }),
};

export default {
  async fetch(request) {
    nonce ??= crypto.randomUUID();
    const { pathname, searchParams } = new URL(request.url);
    const route = routes[pathname];
    return route ? Response.json(await route(request, searchParams)) : new Response("no such route", { status: 404 });
  },
};
