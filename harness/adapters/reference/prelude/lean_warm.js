// As warm.js, for the lean prelude: a plain answer, and nothing that takes a piece.
(() => {
  const natives = { parseUrl: () => "", setUrl: () => "", random: () => null, digest: () => null, piece: () => "" };
  const sizes = { used_heap_size: 1, externally_allocated_size: 1 };
  const vm = { cpuTime: 0n, getHeapStatisticsSync: () => sizes };
  const native = (place, ...given) => Object.values(natives)[place](...given);
  const enter = globalThis.__isomarkEntrance;
  const claims = new ArrayBuffer(2048);
  const { configure, deliver, drain } = enter(vm, claims, Object.keys(natives).join(), native);
  const handler = { fetch: () => Response.json({}) };
  configure(
    { main: { default: handler } },
    JSON.stringify({ worker: "warm", vars: {}, bindings: [], io_ownership: true }),
  );
  const request = { url: "http://worker.example/", method: "GET", headers: [["host", "worker.example"]], body: null };
  deliver(1, 0, 1, 0, JSON.stringify({ type: "fetch", entrypoint: null, request }), 1_700_000_000_000, "", undefined);
  drain();
})();
