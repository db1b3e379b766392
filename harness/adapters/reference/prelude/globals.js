// What a Worker finds on globalThis of requests, their bodies and time. surface.js did the rest.

publish({
  FixedLengthStream,
  IdentityTransformStream,
  Request,
  Response,
  clearInterval,
  clearTimeout,
  fetch,
  setInterval,
  setTimeout,
});
