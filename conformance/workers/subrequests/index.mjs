// Spends subrequests of every kind, so many of each in turn, and says how far it came.

let nonce;

/** A Durable Object that counts its calls. */
export class Tally {
  calls = 0;

  fetch() {
    this.calls += 1;
    return new Response(String(this.calls));
  }
}

/**
 * For each kind a function that makes one subrequest of it and says whether the answer is right; `index` is how many
 * were begun before. Made anew for each request, as a stub belongs to one.
 * @type {Record<string, (env: any, target: string) => (index: number) => Promise<boolean>>}
 */
const kinds = {
  fetch: (_env, target) => async () => (await fetch(target)).status === 200,
  "kv-put": (env) => async () => (await env.STORE.put("spent", "a value")) === undefined,
  "kv-get": (env) => async () => (await env.STORE.get("spent")) === "a value",
  d1: (env) => async (index) => (await env.DB.prepare("SELECT ?1 + 1 AS next").bind(index).first("next")) === index + 1,
  object: (env) => {
    const stub = env.TALLIES.get(env.TALLIES.idFromName("the one"));
    return async () => Number(await (await stub.fetch("http://tally/")).text()) > 0;
  },
  "service-fetch": (env) => async (index) => (await (await env.ADDER.fetch(`http://adder/${index}`)).text()) === `${index}`,
  "service-rpc": (env) => async (index) => (await env.ADDER.add(index, 1)) === index + 1,
};

/**
 * Make `count` calls of one kind, `lanes` at a time.
 * @param {{ kind: string, count: number, lanes: number, target: string }} step
 * @returns how many were `served`, which call was the `firstFailed` (from 1; the first to begin), and why it failed
 */
async function spend(env, { kind, count, lanes, target }) {
  const call = kinds[kind](env, target);
  let begun = 0;
  let served = 0;
  let firstFailed = null;
  let firstError = null;
  const failed = (index, error) => {
    if (firstFailed !== null && firstFailed < index + 1) return;
    firstFailed = index + 1;
    firstError = String(error).slice(0, 200);
  };
  const lane = async () => {
    while (begun < count) {
      const index = begun;
      begun += 1;
      try {
        if (await call(index)) served += 1;
        else failed(index, "another answer than the right one");
      } catch (error) {
        failed(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { kind, asked: begun, served, firstFailed, firstError };
}

export default {
  async fetch(request, env) {
    nonce ??= crypto.randomUUID();
    const results = [];
    for (const step of await request.json()) results.push(await spend(env, step));
    return Response.json({ nonce, results });
  },
};
