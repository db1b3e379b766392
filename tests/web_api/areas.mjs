// All checks of the prelude's Web APIs, by area.
//
// A check is [name, function, expected?]. The function runs as source in a fresh isolate, so it sees no name of the
// file it stands in; `inside` is its way to the prelude's internals. Without an expected value it runs in Node, too,
// and must come to the same there. What is compared is the text that `show` makes of the value, or "throws" and the
// name of the error.

import { CODEGEN, CONSOLE, SURFACE } from "./context.mjs";
import { BLOBS, CRYPTO, HEADERS, URLS } from "./data.mjs";
import { EVENTS } from "./events.mjs";
import { HARDENING } from "./hardening.mjs";
import { STRUCTURED } from "./structured.mjs";
import { CLOCK, ENCODING } from "./text.mjs";
import { WEBASSEMBLY } from "./webassembly.mjs";

export const AREAS = {
  clock: CLOCK, encoding: ENCODING, events: EVENTS, url: URLS, headers: HEADERS, crypto: CRYPTO, blob: BLOBS,
  structured: STRUCTURED, webassembly: WEBASSEMBLY, console: CONSOLE, codegen: CODEGEN, surface: SURFACE,
  hardening: HARDENING,
};
