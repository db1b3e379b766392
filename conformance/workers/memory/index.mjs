// Takes memory in steps and says after each step how much it holds; passes bodies through.

const MIB = 1 << 20;
const ARRAY_SLOTS = 2048; // doubles: 16 KiB of JS heap each
const PATIENCE = 400; // looks at the others, 5 ms apart
const STRIDE = 4; // MiB taken without a pause, where nothing is reported
let nonce;

/** One MiB that stays reachable, by kind. Each but one touches every byte, so that the memory is really there. */
const take = {
  /** Arrays of doubles on the JS heap. */
  heap: (step) => Array.from({ length: MIB / (ARRAY_SLOTS * 8) }, () => new Array(ARRAY_SLOTS).fill(step + 0.5)),
  /** Memory outside the JS heap, owned by it. */
  buffers: (step) => new Uint8Array(MIB).fill(step),
  /** The same, asked for and never written to. */
  untouched: () => new ArrayBuffer(MIB),
  /** Pages of one WebAssembly memory, grown as we go. */
  wasm: (step, held) => {
    held.memory ??= new WebAssembly.Memory({ initial: 0, maximum: 65_535 });
    const page = held.memory.grow(16);
    new Uint8Array(held.memory.buffer, page * 65_536, MIB).fill(step);
    return undefined;
  },
  /** A third of each of the three. */
  mixed: (step, held) => take[["heap", "buffers", "wasm"][step % 3]](step, held),
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Hold `mib` MiB of `kind`. Each line of the answer is the number of MiB held by then, so that an answer which breaks
 * off says where. Up to 256 MiB every MiB is reported; beyond, every 16th.
 */
function hold(url) {
  const kind = url.searchParams.get("kind");
  const mib = Number(url.searchParams.get("mib"));
  const held = { pieces: [], memory: undefined };
  const { readable, writable } = new TransformStream();
  const work = async () => {
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    try {
      for (let step = 1; step <= mib; step += 1) {
        held.pieces.push(take[kind](step, held));
        if (step <= 256 || step % 16 === 0) {
          await writer.write(encoder.encode(`${step}\n`));
          await pause(0); // let it leave before the next step
        }
      }
      await writer.write(encoder.encode(`held ${held.pieces.length}\n`));
    } catch (error) {
      await writer.write(encoder.encode(`refused ${error.name}: ${error.message}\n`));
    }
    await writer.close();
    held.pieces.length = 0;
  };
  return { response: new Response(readable), work };
}

/** How many requests of this isolate have come to a place, by its name. */
const arrivals = new Map();

/** Come to a place and wait there until `together` requests have; how many had in the end. */
async function meet(place, together) {
  arrivals.set(place, (arrivals.get(place) ?? 0) + 1);
  for (let look = 0; look < PATIENCE && arrivals.get(place) < together; look += 1) await pause(5);
  return arrivals.get(place);
}

/**
 * Meet `together` requests of the same `round` in this isolate, then take `mib` MiB of `kind` beside them, and let go
 * once all hold theirs. `holding`: how many of them held that much at once; 0 when they did not meet.
 */
async function keep(url) {
  const [kind, round] = ["kind", "round"].map((name) => url.searchParams.get(name));
  const [mib, together] = ["mib", "together"].map((name) => Number(url.searchParams.get(name)));
  const met = await meet(`${round}: inside`, together);
  const held = { pieces: [], memory: undefined };
  if (met < together) return Response.json({ nonce, met, holding: 0, held: 0 });
  for (let step = 1; step <= mib; step += 1) {
    held.pieces.push(take[kind](step, held));
    if (step % STRIDE === 0) await pause(0); // the others take theirs meanwhile
  }
  const holding = await meet(`${round}: holding`, together);
  return Response.json({ nonce, met, holding, held: held.pieces.length });
}

export default {
  async fetch(request, env, ctx) {
    nonce ??= crypto.randomUUID();
    const url = new URL(request.url);
    if (url.pathname === "/hold") {
      const { response, work } = hold(url);
      ctx.waitUntil(work());
      return response;
    }
    if (url.pathname === "/keep") return keep(url);
    if (url.pathname === "/through") return new Response(request.body);
    return Response.json({ nonce });
  },
};
