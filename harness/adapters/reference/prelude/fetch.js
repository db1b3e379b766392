// fetch() of the global object.

const OUTBOUND = "outbound";

const { fetch } = {
  fetch(input, init = undefined) {
    if (arguments.length === 0) return promiseReject(new TypeError("fetch: 1 argument required, but only 0 present."));
    need("fetching");
    return fetchBy(
      "fetch()",
      input,
      init,
      OUTBOUND,
      (request, isRedirect) => `${stringSlice(request, 0, -1)},"hop":${isRedirect}}`,
    );
  },
};
