/** The odd number with that index: the first n of them add up to n squared. */
export const answer = (value) => 2 * value + 1;

/** @param {Request} request `?value=` holds the index. */
export const respond = (request) => new Response(String(answer(Number(new URL(request.url).searchParams.get("value")))));
