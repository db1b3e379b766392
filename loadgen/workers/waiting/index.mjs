// Waits for a timer and computes nothing: what a handler does that waits for a database.

const MOST_MS = 10_000;

export default {
  async fetch(request) {
    const ms = Number(new URL(request.url).searchParams.get("ms"));
    if (!(ms >= 0 && ms <= MOST_MS)) return new Response("no such time", { status: 400 });
    await new Promise((resolve) => setTimeout(resolve, ms));
    return new Response(`waited ${ms}`);
  },
};
