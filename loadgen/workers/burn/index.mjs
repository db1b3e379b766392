// Computes in slices with waits between them, so that requests that run at once take turns in one isolate.

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

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
    const slices = Number(query.get("slices") ?? 1);
    let result = 0;
    for (let slice = 0; slice < slices; slice += 1) {
      result ^= burn(Number(query.get("rounds")));
      if (slices > 1) await pause(1);
    }
    return Response.json({ result });
  },
};
