// The same in a Node process, with Node's own client on kept-alive connections; not fetch(), see ../caller/process.mjs.
import { Agent, get } from "node:http";
import { places, respond, right, swapped } from "./hops.mjs";

const agent = new Agent({ keepAlive: true });

const ask = (url, headers) =>
  new Promise((resolve, reject) => {
    get(url, { agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve([response.statusCode, text]));
      response.on("error", reject);
    }).on("error", reject);
  });

export default {
  fetch: (request, env) =>
    respond(request, env.MARK, {
      "/http": async (left) => {
        const there = places(request);
        return right(...(await ask(`${there[1]}/http?hops=${left}`, swapped(there))));
      },
    }),
};
