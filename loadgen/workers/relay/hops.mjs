const MOST_HOPS = 64;

/**
 * Answers with this Worker's mark and, where hops are left, with what the other one answers to one fewer: so the text
 * spells the way the request took.
 *
 * @param {Request} request its path picks the way, `?hops=` the number of hops left.
 * @param {string} mark
 * @param {Record<string, (left: number) => Promise<string>>} ways how to go on, by path.
 */
export async function respond(request, mark, ways) {
  const url = new URL(request.url);
  const left = Number(url.searchParams.get("hops"));
  const way = ways[url.pathname];
  if (!way || !(left >= 0 && left <= MOST_HOPS)) return new Response("no such route", { status: 404 });
  return new Response(mark + (left > 0 ? await way(left - 1) : ""));
}

/** The text of an answer. @param {number} status @param {string} text */
export function right(status, text) {
  if (status !== 200) throw new Error(`the next hop answered ${status}`);
  return text;
}

/** Where this Worker and the next one serve. Ports are known only once both run, so they come with the request. */
export const places = (request) => [request.headers.get("isomark-here"), request.headers.get("isomark-next")];

/** On the way on, the two change places. */
export const swapped = ([here, next]) => ({ "isomark-here": next, "isomark-next": here });

/** One hop by HTTP over loopback. @param {Request} request */
export const byHttp = (request) => async (left) => {
  const there = places(request);
  const response = await fetch(`${there[1]}/http?hops=${left}`, { headers: swapped(there) });
  return right(response.status, await response.text());
};
