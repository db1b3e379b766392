// The cheapest Worker to call: answers a fetch with the last part of its path, and adds by RPC.
import { WorkerEntrypoint } from "cloudflare:workers";

export default class Adder extends WorkerEntrypoint {
  fetch(request) {
    return new Response(request.url.slice(request.url.lastIndexOf("/") + 1));
  }

  add(left, right) {
    return left + right;
  }
}
