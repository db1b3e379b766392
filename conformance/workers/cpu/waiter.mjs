// Works a little and waits long for a resource that it is bound to.
import { burn } from "./bombs.mjs";

/** A Durable Object that takes its time. */
export class Slow {
  async fetch(request) {
    await new Promise((resolve) => setTimeout(resolve, Number(new URL(request.url).searchParams.get("ms"))));
    return Response.json({ waited: true });
  }
}

const COUNT =
  "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?) " +
  "SELECT count(*) AS total FROM counted";

/**
 * Ways to wait, by binding; each says what it came to.
 * @type {Record<string, (env: any, amount: number, request: Request) => Promise<unknown>>}
 */
const waits = {
  /** One query that counts to `amount` inside the database. */
  d1: async (env, amount) => (await env.DATABASE.prepare(COUNT).bind(amount).first()).total,
  /** One value, put as it comes in from the client, however slowly. */
  kv: async (env, amount, request) => {
    await env.STORE.put("slow", request.body);
    return (await env.STORE.get("slow")).length;
  },
  /** One call to an object that answers after `amount` ms. */
  object: async (env, amount) => {
    const object = env.OBJECTS.get(env.OBJECTS.idFromName("slow"));
    return (await (await object.fetch(`http://object/?ms=${amount}`)).json()).waited;
  },
};

export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const asked = (name) => Number(searchParams.get(name) ?? 0);
    const before = burn(asked("rounds") / 2);
    const wait = waits[searchParams.get("for")];
    const waited = wait ? await wait(env, asked("amount"), request) : null;
    return Response.json({ waited, result: before ^ burn(asked("rounds") / 2), done: true });
  },
};
