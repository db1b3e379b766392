// What a Worker finds on globalThis.

publish({
  AbortController, AbortSignal, Blob, Crypto, CustomEvent, DOMException, Date, Event, EventTarget, File, FormData,
  Headers, Navigator, Performance, Scheduler, SubtleCrypto, TextDecoder, TextDecoderStream, TextEncoder,
  TextEncoderStream, URL, URLSearchParams,
  atob, btoa, console, crypto, performance, queueMicrotask, reportError, structuredClone,
  navigator, scheduler, self: globalThis,
});
publish(streams);
for (const name of objectKeys(streams)) setAdd(platformPrototypes, streams[name].prototype);

/**
 * Deals with what V8 puts on the global object only with a context, after the snapshot. To be called in each new
 * context before any Worker code runs.
 */
function prepareContext() {
  // Memory that two threads may share is not counted, and Atomics.wait on it would stop the isolate's thread.
  deleteProperty(globalThis, "SharedArrayBuffer");
  late.isError = Error.isError ?? late.isError;
  viewKinds.Float16Array = globalThis.Float16Array;
  installWebAssembly(globalThis.WebAssembly);
}
