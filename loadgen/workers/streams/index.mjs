// Streams of bytes that say where they are: byte p is (p ^ (p >> 8)) & 255, which repeats after 64 KiB.

const CHUNK_BYTES = 65_536;
const MOST_BYTES = 1 << 30;

const expected = (place) => (place ^ (place >> 8)) & 255;

const chunk = new Uint8Array(CHUNK_BYTES).map((_, place) => expected(place));

/** A body of so many bytes, a chunk whenever one is wanted. */
function down(bytes) {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) {
        controller.close();
        return;
      }
      const size = Math.min(left, CHUNK_BYTES);
      controller.enqueue(size === CHUNK_BYTES ? chunk.slice() : chunk.slice(0, size));
      left -= size;
    },
  });
}

/** How many bytes came, and how many of those at the ends of pieces were not what belongs there. */
async function count(body) {
  let bytes = 0;
  let wrong = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes, wrong };
    if (value.length === 0) continue;
    wrong += value[0] !== expected(bytes);
    bytes += value.length;
    wrong += value[value.length - 1] !== expected(bytes - 1);
  }
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/echo") return new Response(request.body);
    if (pathname === "/count") return Response.json(await count(request.body));
    const bytes = Number(searchParams.get("bytes"));
    if (pathname !== "/down" || !(bytes >= 1 && bytes <= MOST_BYTES)) return new Response("no such route", { status: 404 });
    return new Response(down(bytes));
  },
};
