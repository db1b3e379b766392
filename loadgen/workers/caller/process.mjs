// The Worker that calls, in a Node process: `/http` as Node's own client makes it, on a kept-alive connection.
// Not fetch(): undici 7.29 waits for a timer of a millisecond before it uses a connection again
// (https://github.com/nodejs/undici/issues/5493), and that would be counted as the cost of HTTP.
import { Agent, get } from "node:http";
import { callee, number, respond } from "./calls.mjs";

const agent = new Agent({ keepAlive: true });

const ask = (url) =>
  new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve([response.statusCode, text]));
      response.on("error", reject);
    }).on("error", reject);
  });

export default {
  fetch: (request) =>
    respond(request, {
      "/http": () => {
        const origin = callee(request);
        return async (value) => number(...(await ask(`${origin}/?value=${value}`)));
      },
    }),
};
