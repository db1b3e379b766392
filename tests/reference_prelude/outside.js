"use strict";

// What answers fetch(): an outside of a few URLs.

const { Refusal } = require("./fake_host.js");

/** An outside that answers by URL; keeps what was asked. @param {Record<string, any>} answers */
function outside(answers) {
  /** @type {any[]} */
  const asked = [];
  const fetched = ([request], _data, call) => {
    asked.push({ ...request, text: call.textOf(request.body) });
    const answer = answers[request.url];
    if (answer === undefined) throw new Refusal("nobody there", "TypeError");
    if (answer === "never") return undefined;
    const { status = 200, headers = [], body = null, chunks } = answer;
    const described = chunks ? { stream: 50 + asked.length, length: null } : body === null ? null : { inline: true };
    if (chunks)
      call.request.bodies.set(
        described.stream,
        chunks.map((chunk) => Buffer.from(chunk)),
      );
    return [{ status, statusText: "", headers, body: described }, body === null ? undefined : Buffer.from(body)];
  };
  return { asked, options: { answers: { "outbound.fetch": fetched } } };
}

module.exports = { outside };
