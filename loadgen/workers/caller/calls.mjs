const MOST_CALLS = 1000;

/**
 * Makes `?calls=N` calls one after another and adds up the answers, so that a call left out or answered wrongly shows.
 *
 * @param {Request} request its path picks the way.
 * @param {Record<string, () => (value: number) => Promise<number>>} ways how to make one call, by path.
 */
export async function respond(request, ways) {
  const url = new URL(request.url);
  const calls = Number(url.searchParams.get("calls"));
  if (!ways[url.pathname] || !(calls >= 1 && calls <= MOST_CALLS)) return new Response("no such route", { status: 404 });
  const call = ways[url.pathname]();
  let sum = 0;
  for (let value = 0; value < calls; value += 1) sum += await call(value);
  return new Response(`${calls} calls, sum ${sum}`);
}

/** Where the callee serves. Its port is known only once both run, so it comes with the request. */
export const callee = (request) => request.headers.get("isomark-callee");

/** @param {number} status @param {string} text */
export function number(status, text) {
  if (status !== 200) throw new Error(`the callee answered ${status}`);
  return Number(text);
}
