// Uses whatever it is bound to, by binding name only: no resource is named in this code.

const WALK_DEPTH = 6;
const WALK_VALUES = 5000;

/** A Durable Object that keeps what it is given. */
export class Shelf {
  constructor(state) {
    this.storage = state.storage;
  }

  async fetch(request) {
    const key = new URL(request.url).searchParams.get("key");
    if (request.method === "PUT") await this.storage.put(key, await request.text());
    return Response.json({ value: (await this.storage.get(key)) ?? null });
  }
}

/** Every piece of text that is to be found in a value: names, values and texts of objects; apart, sources of functions. */
function textsIn(root) {
  const texts = new Set();
  const sources = new Set();
  const seen = new Set();
  const queue = [[root, 0]];
  while (queue.length > 0 && seen.size < WALK_VALUES) {
    const [value, depth] = queue.shift();
    if (value === null || (typeof value !== "object" && typeof value !== "function")) {
      texts.add(String(value));
      continue;
    }
    if (seen.has(value) || depth > WALK_DEPTH) continue;
    seen.add(value);
    for (const asText of [() => String(value), () => JSON.stringify(value), () => value.toString()]) {
      try {
        (typeof value === "function" ? sources : texts).add(String(asText()));
      } catch {
        // has no text of that kind
      }
    }
    let owner = value;
    for (; owner !== null && owner !== undefined; owner = Object.getPrototypeOf(owner)) {
      for (const name of Reflect.ownKeys(owner)) {
        texts.add(String(name));
        try {
          queue.push([value[name], depth + 1]);
        } catch {
          // a getter that is not for this object
        }
      }
    }
  }
  return { texts: [...texts], sources: [...sources], values: seen.size };
}

/** @param {any} env @param {URL} url */
function objectOf(env, url) {
  const namespace = env[url.searchParams.get("binding")];
  const id = url.searchParams.get("id");
  return namespace.get(id ? namespace.idFromString(id) : namespace.idFromName(url.searchParams.get("name")));
}

const routes = {
  /** Every property of env, by each way of listing them. */
  "/names": (_request, _url, env) => {
    const listed = [];
    for (const name in env) listed.push(name);
    return { keys: Object.keys(env), listed, all: Reflect.ownKeys(env).map(String) };
  },

  "/vars": (_request, _url, env) => env,

  /** What kind of thing a binding is. */
  "/kind": (_request, url, env) => {
    const binding = env[url.searchParams.get("binding")];
    const members = url.searchParams.get("members").split(",");
    return { type: typeof binding, missing: members.filter((name) => typeof binding?.[name] !== "function") };
  },

  /** Get, put or delete by the method of the request. */
  "/kv": async (request, url, env) => {
    const namespace = env[url.searchParams.get("binding")];
    const key = url.searchParams.get("key");
    if (request.method === "PUT") await namespace.put(key, await request.text());
    if (request.method === "DELETE") await namespace.delete(key);
    return { value: await namespace.get(key) };
  },

  /** The same with a Durable Object, by name or by id. */
  "/object": async (request, url, env) => {
    const address = `http://object/?key=${encodeURIComponent(url.searchParams.get("key"))}`;
    const body = request.method === "PUT" ? await request.text() : undefined;
    return (await objectOf(env, url).fetch(address, { method: request.method, body })).json();
  },

  "/object-id": (_request, url, env) => {
    const namespace = env[url.searchParams.get("binding")];
    return { id: namespace.idFromName(url.searchParams.get("name")).toString() };
  },

  "/service": async (_request, url, env) =>
    (await env[url.searchParams.get("binding")].fetch("http://service/any")).json(),

  /** What is found under guessed names, on env, on the global object and beside the handler's other arguments. */
  "/guess": async (request, _url, env, context) => {
    const { names, key } = await request.json();
    const found = {};
    for (const [place, owner] of Object.entries({ env, globalThis, context, exports: context.exports ?? {} })) {
      for (const name of names) {
        const thing = owner[name];
        if (thing === undefined) continue;
        const uses = { get: async () => thing.get(key), fetch: async () => (await thing.fetch("http://service/any")).text() };
        for (const [use, attempt] of Object.entries(uses)) {
          found[`${place}[${name}].${use}`] = await attempt().catch((error) => `threw ${error?.name}`);
        }
      }
    }
    return found;
  },

  /** fetch() each URL of the body. */
  "/fetch": async (request) =>
    Promise.all(
      (await request.json()).map((url) =>
        fetch(url).then((response) => response.text()).catch((error) => `threw ${error.name}`),
      ),
    ),

  "/walk": (_request, _url, env) => textsIn(env),
};

export default {
  async fetch(request, env, context) {
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route ? Response.json(await route(request, url, env, context)) : new Response("no such route", { status: 404 });
  },
};
