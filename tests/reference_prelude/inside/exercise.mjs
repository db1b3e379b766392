// Uses everything that the platform gives a Worker, once.

export async function exercise(request, env, ctx) {
  ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 1)));
  const answer = await fetch("http://a.example/", { method: "POST", body: request.body });
  const text = await answer.text();
  await env.STORE.put("key", "value", { metadata: { a: 1 } });
  const stored = await env.STORE.get("key");
  const sum = await env.CALLEE.add({ a: [1, new Map([[1, 2]])] }, 2);
  const caught = await env.CALLEE.fail().catch((error) => error.message);
  const rows = await env.DB.prepare("select ?").bind(1).all();
  const id = String(env.SHELVES.idFromName("n"));
  const object = await env.SHELVES.getByName("n").add(1);
  const nested = await env.CALLEE.fetch("http://b.example/", { headers: { a: "b" } });
  console.log("a line", { a: 1 });
  const controller = new AbortController();
  const never = fetch("http://never.example/", { signal: controller.signal }).catch((error) => error.name);
  controller.abort();
  const { readable, writable } = new TransformStream();
  const work = async () => {
    const writer = writable.getWriter();
    const parts = [text, stored, sum, caught, rows.results.length, id.length, object, await nested.text(), await never];
    await writer.write(new TextEncoder().encode(parts.join()));
    await writer.close();
  };
  ctx.waitUntil(work());
  return new Response(readable);
}
