// Runs while the snapshot is made, in a context that is thrown away: what is called here is compiled when an isolate
// starts, and what is not at its first call. All that is compiled makes every isolate's start longer, so this calls
// only what a plain answer needs.
(() => {
  const { configure, deliver, drain } = globalThis.__isomark;
  const NOW_MS = 1_700_000_000_000;
  const natives = {
    random: (count) => new ArrayBuffer(count),
    digest: () => new ArrayBuffer(32),
    parseUrl: () => "",
    setUrl: () => "",
  };
  for (const [name, native] of Object.entries(natives)) globalThis[`__isomarkHost_${name}`] = native;

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
    { default: handler },
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
    deliver(0, rid, 0, JSON.stringify({ type: "fetch", entrypoint: null, request }), NOW_MS, "", undefined);
    const [timers] = drain().split("\n");
    for (const timer of timers === "" ? [] : timers.split(","))
      deliver(3, rid, Number(timer.split(":")[1]), "", NOW_MS + 1, "", undefined);
    drain();
  }
})();
