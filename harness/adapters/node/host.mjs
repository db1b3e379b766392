// Serves one Worker module from a Node process: `export default { fetch(request, env, ctx) }` behind node:http.
// Usage: node host.mjs SETTINGS.json CHANNEL. CHANNEL is the number of an inherited descriptor, or the path of a unix
// socket on which the suite listens; a process with such a socket ends when it closes. One JSON line on it says the
// port and when this process came how far, or why the module does not run; handler.py has the words.
// The node and the container adapter run this same file.
import { createServer } from "node:http";
import { readFileSync, readlinkSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { pathToFileURL } from "node:url";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

// Instants of CLOCK_MONOTONIC, which the suite and every container of this machine share.
const upNs = Number(process.hrtime.bigint());
const startedNs = Math.round(upNs - performance.now() * 1e6);

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const say = channelTo(process.argv[3]);

/** @param {string} channel @returns {(message: object, said?: () => void) => void} */
function channelTo(channel) {
  const line = (message) => `${JSON.stringify(message)}\n`;
  if (/^\d+$/.test(channel)) return (message, said) => (writeSync(Number(channel), line(message)), said?.());
  const socket = connect(channel);
  socket.on("error", () => process.exit(1)).on("close", () => process.exit(1));
  return (message, said) => socket.write(line(message), said);
}

/** An error in one request must not end the process: a container's framework would see to that too. */
process.on("unhandledRejection", (reason) => console.error("unhandled rejection:", reason));

if (settings.relay) (await import("./relay.mjs")).relayFetch(settings.relay);

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
  const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  await new Promise(() => say({ event: "refused", error: why }, () => process.exit(1)));
}

/** A record per request, where the suite asked for them; else nothing is read or said. */
const accounts = settings.accounts ? (await import("./accounts.mjs")).accountsTo(say) : undefined;

/** @param {import("node:http").IncomingMessage} incoming */
function toRequest(incoming) {
  const url = `http://${incoming.headers.host ?? "localhost"}${incoming.url}`;
  const headers = Object.entries(incoming.headers).flatMap(([name, value]) => [value].flat().map((each) => [name, each]));
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD";
  const body = hasBody ? { body: Readable.toWeb(incoming), duplex: "half" } : {};
  return new Request(url, { method: incoming.method, headers, ...body });
}

/** As writeHead takes them: name, value, name, value. Each cookie is a field of its own. @param {Headers} headers */
function fieldsOf(headers) {
  const fields = [];
  for (const [name, value] of headers) fields.push(name, value);
  return fields;
}

const server = createServer(async (incoming, outgoing) => {
  const context = { waitUntil: (promise) => void promise, passThroughOnException() {} };
  const account = accounts?.begun();
  try {
    const response = await handler.fetch(toRequest(incoming), settings.env, context);
    outgoing.writeHead(response.status, response.statusText || undefined, fieldsOf(response.headers));
    if (response.body) await pipeline(Readable.fromWeb(response.body), outgoing);
    else outgoing.end();
    account?.ended();
  } catch (error) {
    account?.ended(error);
    console.error("uncaught exception in fetch:", error);
    if (!outgoing.headersSent) outgoing.writeHead(500).end("Internal Server Error");
    else outgoing.destroy();
  }
});
server.listen(settings.port, settings.host, () =>
  say({
    event: "listen",
    port: server.address().port,
    node: process.version,
    network: readlinkSync("/proc/self/ns/net"),
    accounts: accounts?.source ?? "",
    startedNs,
    upNs,
    listeningNs: Number(process.hrtime.bigint()),
  }),
);
