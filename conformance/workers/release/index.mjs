// Worker B that is redeployed: says which release it is. The test deploys this source with another word in it.
import { WorkerEntrypoint } from "cloudflare:workers";

const RELEASE = "first";

export default class Release extends WorkerEntrypoint {
  fetch() {
    return new Response(RELEASE);
  }

  release() {
    return RELEASE;
  }

  /** Stay in the middle of a call until `target` answers. */
  async held(target) {
    const response = await fetch(target);
    await response.text();
    return RELEASE;
  }
}

export class Accounts extends WorkerEntrypoint {
  release() {
    return RELEASE;
  }
}
