// Does `?ops=N` operations on a binding, one after the other, and adds up what they answer: the first N odd numbers come
// to N squared, so an operation left out or answered wrongly shows.

const MOST_OPERATIONS = 1000;

const answer = (value) => 2 * value + 1;

/** A Durable Object that answers; whatever is called passes by here. */
export class Answering {
  async fetch(request) {
    return new Response(String(answer(Number(new URL(request.url).searchParams.get("value")))));
  }
}

const key = (value) => `answer-${value}`;

/**
 * By path: how to do one operation.
 * @type {Record<string, (env: any) => (value: number) => Promise<number>>}
 */
const kinds = {
  "/kv-get": ({ STORE }) => async (value) => Number(await STORE.get(key(value))),

  "/kv-put": ({ STORE }) => async (value) => {
    await STORE.put(key(value), String(answer(value)));
    return answer(value);
  },

  "/d1": ({ DATABASE }) => (value) => DATABASE.prepare("SELECT 2 * ?1 + 1 AS answer").bind(value).first("answer"),

  "/object": ({ OBJECTS }) => {
    const object = OBJECTS.get(OBJECTS.idFromName("one"));
    return async (value) => Number(await (await object.fetch(`http://object/?value=${value}`)).text());
  },
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const count = Number(url.searchParams.get("ops"));
    if (!kinds[url.pathname] || !(count >= 1 && count <= MOST_OPERATIONS)) return new Response("no such route", { status: 404 });
    const one = kinds[url.pathname](env);
    let sum = 0;
    for (let value = 0; value < count; value += 1) sum += await one(value);
    return new Response(`${count} operations, sum ${sum}`);
  },
};
