// Computes the same each time, then waits as long as it is told: what does the waiting cost?

const MOST_MS = 10_000;

/** Integer work that no optimiser can drop: the result goes into the answer. */
function burn(rounds) {
  let state = 0x9e3779b9;
  for (let round = 0; round < rounds; round += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state >>> 0;
}

export default {
  async fetch(request) {
    const query = new URL(request.url).searchParams;
    const ms = Number(query.get("ms"));
    if (!(ms >= 0 && ms <= MOST_MS)) return new Response("no such time", { status: 400 });
    const result = burn(Number(query.get("rounds")));
    await new Promise((resolve) => setTimeout(resolve, ms)); // for 0 ms too: a timer is work, and belongs to each bill
    return Response.json({ result, waited: ms });
  },
};
