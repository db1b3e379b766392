// Makes subrequests until it has made as many as asked or one fails, and says how far it came.

/**
 * @param {string} target URL to fetch
 * @param {number} wanted how many fetches
 * @param {number} lanes how many at once
 */
async function fetchMany(target, wanted, lanes) {
  let begun = 0;
  let served = 0;
  let firstError = null;
  const lane = async () => {
    while (begun < wanted && firstError === null) {
      begun += 1;
      try {
        const response = await fetch(target);
        await response.arrayBuffer();
        if (response.status === 200) served += 1;
        else firstError ??= `status ${response.status}`;
      } catch (error) {
        firstError ??= `${error.name}: ${error.message}`;
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { begun, served, firstError };
}

export default {
  async fetch(request) {
    const query = new URL(request.url).searchParams;
    const result = await fetchMany(query.get("target"), Number(query.get("count")), Number(query.get("lanes") ?? 1));
    return Response.json(result);
  },
};
