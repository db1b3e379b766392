// The way into an isolate. It is part of the snapshot, after the prelude, and runs before any code of the Worker's could
// change what it uses. What it is given it shows to nobody: `vm`, the isolate itself, whose clock and sizes it reads, and
// `shared`, the memory of claims.js.
//
// - `configure`, when the Worker's modules have run. An empty text says that the main module has not run to its end.
// - `deliver`, a turn. One that the host has withdrawn is not begun.
// - `drain`, what came of it: the prelude's text; an array of that and the bytes that leave, if there are any. What was
//   measured is in `shared`; no sizes are when the Worker has laid setters for their names.
// - `compileWasm`, and `workersModule`, the object that `cloudflare:workers` exports.
// - `takePiece`, if the prelude comes in pieces: before any code of the Worker's runs.
globalThis.__isomarkEntrance = (vm, shared, names, native) => {
  const OPEN = 0;
  const BEGUN = 1;
  const { defineProperty: define, deleteProperty, apply } = Reflect;
  const { hasOwn } = Object;
  const { Number } = globalThis;
  const claim = Atomics.compareExchange;
  const sizesOf = vm.getHeapStatisticsSync;
  const PLACES = 32;
  const MEASURES = 3;
  const claims = new Int32Array(shared, 0, PLACES);
  const measures = new Float64Array(shared, PLACES * 4);
  let at = 0;
  const prelude = globalThis.__isomark;
  for (const name of ["__isomark", "__isomarkEntrance"]) deleteProperty(globalThis, name);
  for (const name of ["configure", "deliver", "drain", "drainBinary"]) {
    if (typeof prelude[name] !== "function") throw new TypeError(`the prelude has no function ${name}`);
  }
  const { configure, prepareContext, deliver, drain, drainBinary, makeWasmModule, workersModule, takePiece } = prelude;
  const nativeNames = names.split(",").map((name) => `__isomarkHost_${name}`);
  const offerNatives = () => {
    for (let index = 0; index < nativeNames.length; index += 1) {
      const value = (one, two, three) => native(index, one, two, three);
      const property = { __proto__: null, value, writable: true, enumerable: false, configurable: true };
      if (!define(globalThis, nativeNames[index], property)) throw new TypeError("the global object is sealed");
    }
  };
  if (prepareContext) {
    offerNatives();
    prepareContext();
  }
  const measure = () => {
    measures[at] = Number(vm.cpuTime);
    const heap = apply(sizesOf, vm, []);
    const tells = hasOwn(heap, "used_heap_size") && hasOwn(heap, "externally_allocated_size");
    measures[at + 1] = tells ? heap.used_heap_size : NaN;
    measures[at + 2] = tells ? heap.externally_allocated_size : NaN;
  };
  return {
    __proto__: null,
    workersModule,
    takePiece,
    configure(entry, config) {
      let namespace;
      try {
        namespace = entry.main;
      } catch {
        return "";
      }
      if (!prepareContext) offerNatives();
      return configure(namespace, config);
    },
    deliver(place, kind, rid, id, text, nowMs, ended, bytes) {
      at = place * MEASURES;
      if (claim(claims, place, OPEN, BEGUN) === OPEN) deliver(kind, rid, id, text, nowMs, ended, bytes);
    },
    drain() {
      const posts = drain();
      const binaries = drainBinary();
      measure();
      if (binaries.length === 0) return posts;
      const parcel = [posts];
      for (let index = 0; index < binaries.length; index += 1) {
        define(parcel, index + 1, { __proto__: null, value: binaries[index], enumerable: true });
      }
      return parcel;
    },
    compileWasm: (bytes) => (makeWasmModule ?? ((all) => new WebAssembly.Module(all)))(new Uint8Array(bytes)),
  };
};
