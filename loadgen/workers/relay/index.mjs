// One of two Workers that are bound to each other: a chain of N hops goes to and fro between them.
import { WorkerEntrypoint } from "cloudflare:workers";
import { byHttp, respond, right } from "./hops.mjs";

export default class Relay extends WorkerEntrypoint {
  fetch(request) {
    return respond(request, this.env.MARK, {
      "/fetch": async (left) => {
        const response = await this.env.NEXT.fetch(`http://relay/fetch?hops=${left}`);
        return right(response.status, await response.text());
      },
      "/rpc": (left) => this.env.NEXT.hop(left),
      "/http": byHttp(request),
    });
  }

  /** @param {number} left @returns {Promise<string>} */
  async hop(left) {
    return this.env.MARK + (left > 0 ? await this.env.NEXT.hop(left - 1) : "");
  }
}
