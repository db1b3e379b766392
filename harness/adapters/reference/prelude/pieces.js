// The prelude in pieces: only what every Worker needs is there from the start, and the rest when it is first needed.
// whole.js stands in its place where everything is.
//
// The source of a piece is the host's, one copy for all isolates. It is evaluated in the scope that all files share, by
// the `eval` that the snapshot's script was given: Worker code has none. By then Worker code may have replaced every
// built-in there is, so what a file does when it is evaluated keeps to capture.js as its functions do. One does not,
// because it is not ours: lean_built_ins.js, before it, sees to it that what it uses is as V8 made it.

/** By name: what a piece gives to the others. */
const pieces = { __proto__: null };

/** Sees to it that what is in a piece can be used. */
const need = (name) => {
  if (pieces[name] === undefined) pieces[name] = eval(native.piece(name));
};

/**
 * Before any Worker code runs: a piece, and what of it is global.
 * @param {string} name
 * @param {string} globals names, comma-separated
 * @param {string} source
 */
function takePiece(name, globals, source) {
  if (pieces[name] === undefined) pieces[name] = eval(source);
  for (let from = 0, to; from < globals.length; from = to + 1) {
    to = stringIndexOf(globals, ",", from);
    if (to === -1) to = globals.length;
    const global = stringSlice(globals, from, to);
    defineProperty(globalThis, global, hidden(pieces[name][global]));
  }
}
