// Computes and waits in known amounts. Work is counted in rounds, not milliseconds: a Worker's clock may stand still.

let nonce;

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

/** Waits and burns as asked: `wait` in ms by a timer, `fetch` a URL to wait for, `rounds` of work. */
async function mixed(url) {
  const rounds = Number(url.searchParams.get("rounds") ?? 0);
  const before = burn(rounds / 2);
  const target = url.searchParams.get("fetch");
  if (target) await (await fetch(target)).arrayBuffer();
  const wait = Number(url.searchParams.get("wait") ?? 0);
  if (wait) await pause(wait);
  return Response.json({ nonce, result: before ^ burn(rounds / 2), done: true });
}

export default {
  fetch(request) {
    nonce ??= crypto.randomUUID();
    const url = new URL(request.url);
    return url.pathname === "/mixed" ? mixed(url) : Response.json({ nonce });
  },
};
