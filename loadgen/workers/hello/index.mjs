// The smallest honest answer: a greeting, and proof of whether the isolate that gives it is new.

let nonce; // random values are not to be had in module scope
let served = 0;

export default {
  fetch() {
    // Math.random is enough for telling isolates apart, and loads nothing that would be counted as cold start.
    nonce ??= `${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
    served += 1;
    return Response.json({ hello: "isomark", nonce, served });
  },
};
