// The Worker next door: says who it is and which marks it finds on its own global object and on its own arrays.

let nonce;
let served = 0;

export default {
  fetch() {
    nonce ??= crypto.randomUUID();
    served += 1;
    return Response.json({ nonce, served, mark: globalThis.isomarkMark ?? null, onArrays: [].isomarkMark ?? null });
  },
};
