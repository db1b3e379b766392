// The prelude in pieces: only what every Worker needs is there from the start, and the rest when it is first needed.
// whole.js stands in its place where everything is.
//
// The source of a piece is the host's, one copy for all isolates. It is evaluated in the scope that all files share, by
// the `eval` that the snapshot's script was given: Worker code has none. By then Worker code may have replaced every
// built-in there is, so what a file does when it is evaluated keeps to capture.js as its functions do. One cannot,
// because it is not ours: `needsBuiltIns` says whether what it uses is as V8 made it.

/** By name: what a piece gives to the others. */
const pieces = { __proto__: null };

/** Sees to it that what is in a piece can be used. */
const need = (name) => {
  if (pieces[name] === undefined) pieces[name] = eval(native.piece(name));
};

/** What evaluating the streams library calls. */
const builtInsOfStreams = [
  [Object, "defineProperty"], [Object, "defineProperties"], [Object, "create"], [Object, "setPrototypeOf"],
  [FunctionPrototype, "bind"], [FunctionPrototype, "call"], [Promise, "resolve"], [Promise, "reject"],
  [Promise.prototype, "then"], [Number, "isFinite"], [globalThis.Math, "trunc"],
];
for (let index = 0; index < builtInsOfStreams.length; index += 1) {
  const [holder, name] = builtInsOfStreams[index];
  builtInsOfStreams[index][2] = holder[name];
}

/** @throws {TypeError} when Worker code has replaced one */
const needsBuiltIns = () => {
  for (let index = 0; index < builtInsOfStreams.length; index += 1) {
    const builtIn = builtInsOfStreams[index];
    const descriptor = getOwnPropertyDescriptor(builtIn[0], builtIn[1]);
    if (descriptor === undefined || ownField(descriptor, "value") !== builtIn[2])
      throw new TypeError(`Streams cannot be used first when ${builtIn[1]}() of a built-in has been replaced.`);
  }
  const members = ["get", "set", "value", "writable", "enumerable", "configurable", "name"];
  for (let index = 0; index < members.length; index += 1) {
    if (members[index] in ObjectPrototype)
      throw new TypeError(`Streams cannot be used first when Object.prototype has a ${members[index]}.`);
  }
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
