// The Worker that is called: the same answer by fetch and by RPC.
import { WorkerEntrypoint } from "cloudflare:workers";
import { answer, respond } from "./answer.mjs";

export default class Callee extends WorkerEntrypoint {
  fetch(request) {
    return respond(request);
  }

  answer(value) {
    return answer(value);
  }
}
