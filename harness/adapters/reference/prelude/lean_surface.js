// What a Worker finds on globalThis that names nothing else: the host looks for names in its source, and has the pieces
// that they are in taken before it runs. A Worker that could reach globals without naming them gets the whole prelude.

publish({ Date, Request, Response, fetch });

const wasmBytes = () => 0;
const makeWasmModule = () => {
  throw new TypeError("WebAssembly takes the whole prelude.");
};
const makeBinding = () => {
  throw new TypeError("A binding takes the whole prelude.");
};

/** As that of surface.js. */
function prepareContext() {
  deleteProperty(globalThis, "SharedArrayBuffer");
  // It would not be counted as it is, and whoever names it has the whole prelude.
  deleteProperty(globalThis, "WebAssembly");
  late.isError = Error.isError ?? late.isError;
  late.Float16Array = globalThis.Float16Array;
}
