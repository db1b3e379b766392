// A service nobody may reach but through a binding: keeps count of the requests that reached it.

const VISITS_KEPT = 200;

/** @type {{url: string, method: string}[]} */
const visits = [];

export default {
  fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/isomark-visits") return Response.json(visits); // read by the test, not counted
    if (visits.length < VISITS_KEPT) visits.push({ url: request.url, method: request.method });
    const to = url.searchParams.get("redirect-to");
    if (to !== null) return new Response(null, { status: 302, headers: { location: to } });
    return Response.json({ worker: "auth", url: request.url });
  },
};
