// What a fan-out calls: computes a while, or waits for a URL.
import { WorkerEntrypoint } from "cloudflare:workers";

// Work that takes an engine as long before it has optimised anything as after: a division is some 2 microseconds.
const DIVIDEND = 1n << 16_384n;
const DIVISORS = [998_244_353n, 1_000_000_007n, 2_147_483_647n, 4_294_967_291n];

/** Compute without waiting. The result depends on every division. @param {number} divisions */
function burn(divisions) {
  let result = 1;
  for (let left = divisions; left > 0; left -= 1) {
    result = (Math.imul(result, 31) + Number(DIVIDEND % DIVISORS[result & 3])) | 0;
  }
  return { result };
}

/** What a URL answers, as JSON. @param {string} target */
const visit = async (target) => (await fetch(target)).json();

export default class Burner extends WorkerEntrypoint {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/burn") return Response.json(burn(Number(url.searchParams.get("divisions"))));
    return Response.json(await visit(url.searchParams.get("target")));
  }

  burn(divisions) {
    return burn(divisions);
  }

  visit(target) {
    return visit(target);
  }
}
