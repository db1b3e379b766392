// Work in known amounts, counted in rounds: a Worker's clock may stand still. A round of any kind takes about as long.

const DIVIDEND = 1n << 16_384n;
const DIVISORS = [998_244_353n, 1_000_000_007n, 2_147_483_647n, 4_294_967_291n];
const ROUNDS_PER_DIVISION = 1000; // a division takes some 2 microseconds

/**
 * Work that no optimiser can drop, for its result goes into the answer. It is spent in one long division after another,
 * which is as fast in an isolate that has just begun as in one that has had time to compile, and hardly slower beside a
 * busy core: so many rounds always cost about the same.
 * @param {number} rounds
 */
export function burn(rounds) {
  let state = 1;
  for (let left = Math.floor(rounds / ROUNDS_PER_DIVISION); left > 0; left -= 1) {
    state = (Math.imul(state, 31) + Number(DIVIDEND % DIVISORS[state & 3])) | 0;
  }
  return state;
}

const mix = (state) => state ^ (state << 13) ^ (state >>> 17);

/**
 * Work that is hard to stop, by kind. Each ends by itself after so many rounds.
 * @type {Record<string, (rounds: number) => unknown>}
 */
export const bombs = {
  /** A loop that begins in a later turn than the request's first. */
  awaited: async (rounds) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return burn(rounds);
  },
  /** Microtasks that never let the event loop have its turn. */
  microtasks: async (rounds) => {
    let state = 1;
    for (let left = rounds / 50; left > 0; left -= 1) state = mix(await state);
    return state;
  },
  /** A loop that catches whatever is thrown at it, and goes on. */
  caught: (rounds) => {
    let left = rounds;
    let state = 1;
    while (left > 0) {
      try {
        for (; left > 0; left -= 1) {
          state = mix(state);
          if ((left & 0xffff) === 0) throw new RangeError("caught below");
        }
      } catch {
        left -= 1;
      } finally {
        state ^= 1;
      }
    }
    return state;
  },
  /** A regular expression that tries each way to split a text: one call, without a loop of the Worker's own. */
  regexp: (rounds) => /^(?:a+)+$/.test(`${"a".repeat(Math.max(1, Math.floor(Math.log2(rounds / 2))))}b`),
};
