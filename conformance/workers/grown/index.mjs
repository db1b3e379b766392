// Takes memory inside instances of a WebAssembly module that show their memory to nobody: grow.wasm, whose source is
// grow.wat. Code comes with the deploy because a Worker cannot compile any.
import grow from "./grow.wasm";

const REFUSED = -1;
const INSTANCES = 3; // so that no cap on a single memory is taken for the limit

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Grow by `mib` MiB, one instance after the other, touching each; the answer is that of the probe "memory". */
async function hold(mib, writer) {
  const encoder = new TextEncoder();
  const instances = Array.from({ length: INSTANCES }, () => new WebAssembly.Instance(grow, {}));
  for (let step = 1; step <= mib; step += 1) {
    if (instances[step % INSTANCES].exports.take() === REFUSED) {
      await writer.write(encoder.encode(`refused: memory.grow after ${step - 1} MiB\n`));
      await writer.close();
      return;
    }
    if (step <= 256 || step % 16 === 0) {
      await writer.write(encoder.encode(`${step}\n`));
      await pause(0); // let it leave before the next step
    }
  }
  await writer.write(encoder.encode(`held ${mib}\n`));
  await writer.close();
}

export default {
  fetch(request, env, ctx) {
    const { readable, writable } = new TransformStream();
    ctx.waitUntil(hold(Number(new URL(request.url).searchParams.get("mib")), writable.getWriter()));
    return new Response(readable);
  },
};
