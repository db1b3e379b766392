// Calls two other Workers: both at once, or one after the other.

/** How a bound Worker is asked, by fetch or by RPC; either way the answer is a value. */
const ask = {
  fetch: {
    burn: async (worker, divisions) => (await worker.fetch(`http://burner/burn?divisions=${divisions}`)).json(),
    visit: async (worker, target) =>
      (await worker.fetch(`http://burner/visit?target=${encodeURIComponent(target)}`)).json(),
  },
  rpc: {
    burn: (worker, divisions) => worker.burn(divisions),
    visit: (worker, target) => worker.visit(target),
  },
};

const routes = {
  /** Have both Workers compute, `how` is "together" or "apart". */
  "/burn": async (query, { LEFT, RIGHT }) => {
    const divisions = Number(query.get("divisions"));
    const { burn } = ask[query.get("by")];
    if (query.get("how") === "together") return Promise.all([LEFT, RIGHT].map((worker) => burn(worker, divisions)));
    return [await burn(LEFT, divisions), await burn(RIGHT, divisions)];
  },

  /** Have `n` calls at once visit a URL, by turns in the one Worker and in the other. */
  "/visit": async (query, { LEFT, RIGHT }) => {
    const { visit } = ask[query.get("by")];
    const workers = Array.from({ length: Number(query.get("n")) }, (_, index) => (index % 2 ? RIGHT : LEFT));
    return Promise.all(workers.map((worker) => visit(worker, query.get("target"))));
  },
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route ? Response.json(await route(url.searchParams, env)) : new Response("no such route", { status: 404 });
  },
};
