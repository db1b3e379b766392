// Serves one Worker module from a Node process: `export default { fetch(request, env, ctx) }` behind node:http.
// Usage: node host.mjs SETTINGS.json READY_FD. One JSON line on READY_FD says the port, or why the module does not run.
import { createServer } from "node:http";
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const readyFd = Number(process.argv[3]);
const say = (message) => writeSync(readyFd, `${JSON.stringify(message)}\n`);

/** An error in one request must not end the process: a container's framework would see to that too. */
process.on("unhandledRejection", (reason) => console.error("unhandled rejection:", reason));

/** Outbound gateway: every fetch goes to one stand-in, with the URL's own host in the Host header. */
if (settings.gateway) {
  const plainFetch = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.set("host", url.host);
    const target = `http://${settings.gateway}${url.pathname}${url.search}`;
    const body = request.body ? { body: request.body, duplex: "half" } : {};
    return plainFetch(target, { method: request.method, headers, redirect: request.redirect, ...body });
  };
}

let handler;
try {
  handler = (await import(pathToFileURL(settings.main))).default;
  if (typeof handler?.fetch !== "function") throw new TypeError("the module exports no default object with fetch()");
} catch (error) {
  say({ event: "refused", error: `${error.name}: ${error.message}` });
  process.exit(1);
}

/** @param {import("node:http").IncomingMessage} incoming */
function toRequest(incoming) {
  const url = `http://${incoming.headers.host ?? "localhost"}${incoming.url}`;
  const headers = Object.entries(incoming.headers).flatMap(([name, value]) => [value].flat().map((each) => [name, each]));
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD";
  const body = hasBody ? { body: Readable.toWeb(incoming), duplex: "half" } : {};
  return new Request(url, { method: incoming.method, headers, ...body });
}

const server = createServer(async (incoming, outgoing) => {
  const context = { waitUntil: (promise) => void promise, passThroughOnException() {} };
  try {
    const response = await handler.fetch(toRequest(incoming), settings.env, context);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body) await pipeline(Readable.fromWeb(response.body), outgoing);
    else outgoing.end();
  } catch (error) {
    console.error("uncaught exception in fetch:", error);
    if (!outgoing.headersSent) outgoing.writeHead(500).end("Internal Server Error");
    else outgoing.destroy();
  }
});
server.listen(0, "127.0.0.1", () => say({ event: "listen", port: server.address().port, node: process.version }));
