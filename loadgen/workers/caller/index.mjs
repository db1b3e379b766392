// The Worker that calls: `/fetch` and `/rpc` through its binding, `/http` over loopback.
import { callee, number, respond } from "./calls.mjs";

const answered = async (response) => number(response.status, await response.text());

export default {
  fetch: (request, env) =>
    respond(request, {
      "/fetch": () => async (value) => answered(await env.CALLEE.fetch(`http://callee/?value=${value}`)),

      "/rpc": () => (value) => env.CALLEE.answer(value),

      "/http": () => {
        const origin = callee(request);
        return async (value) => answered(await fetch(`${origin}/?value=${value}`));
      },
    }),
};
