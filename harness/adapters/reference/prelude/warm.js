// Runs while the snapshot is made, in a context that is thrown away: what is called here is compiled when an isolate
// starts, and what is not at its first call. All that is compiled makes every isolate's start longer, so this calls
// only what a plain answer needs.
(() => {
  const NOW_MS = 1_700_000_000_000;
  const natives = {
    random: (count) => new ArrayBuffer(count),
    digest: () => new ArrayBuffer(32),
    parseUrl: () => "",
    setUrl: () => "",
  };
  const sizes = { used_heap_size: 1, externally_allocated_size: 1 };
  const vm = { cpuTime: 0n, getHeapStatisticsSync: () => sizes };
  const native = (place, ...given) => Object.values(natives)[place](...given);
  const enter = globalThis.__isomarkEntrance;
  const claims = new ArrayBuffer(2048);
  const { configure, deliver, drain } = enter(vm, claims, Object.keys(natives).join(), native);

  const routes = {
    "/text": () => new Response("text"),
    "/bytes": () => new Response(new Uint8Array(3), { status: 201, headers: { a: "b" } }),
    "/json": (request, env) => {
      const url = new URL(request.url);
      return Response.json([
        url.pathname,
        url.searchParams.get("a"),
        request.headers.get("host"),
        request.method,
        env.TEXT,
        crypto.randomUUID(),
      ]);
    },
    "/waits": (_request, _env, ctx) => {
      ctx.waitUntil(Promise.resolve());
      clearTimeout(setTimeout(() => {}, 5));
      return new Promise((resolve) => setTimeout(() => resolve(new Response("late")), 1));
    },
  };
  const handler = { fetch: (request, env, ctx) => routes[new URL(request.url).pathname](request, env, ctx) };
  configure(
    { main: { default: handler } },
    JSON.stringify({ worker: "warm", vars: { TEXT: "text" }, bindings: [], io_ownership: true }),
  );

  let rid = 0;
  for (const path of Object.keys(routes)) {
    rid += 1;
    const request = {
      url: `http://worker.example${path}?a=b`,
      method: "GET",
      headers: [["host", "worker.example"]],
      body: null,
    };
    deliver(rid, 0, rid, 0, JSON.stringify({ type: "fetch", entrypoint: null, request }), NOW_MS, "", undefined);
    const [posts] = [drain()].flat();
    const [, timers] = posts.split("\n");
    for (const timer of timers === "" ? [] : timers.split(","))
      deliver(rid + 8, 3, rid, Number(timer.split(":")[1]), "", NOW_MS + 1, "", undefined);
    drain();
  }
})();
