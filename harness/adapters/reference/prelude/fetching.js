// fetch() of the global object and of bindings: one host call for each hop. https://fetch.spec.whatwg.org/#http-fetch

const MOST_REDIRECTS = 20;
/** What says something of a body that a redirect leaves behind. */
const bodyHeaders = {
  __proto__: null,
  "content-encoding": true,
  "content-language": true,
  "content-location": true,
  "content-type": true,
  "content-length": true,
};
/** What is for nobody but the origin that it was sent to. */
const originHeaders = { __proto__: null, authorization: true, cookie: true, host: true, "proxy-authorization": true };

/**
 * The pairs whose names are not in the table.
 * @param {Array<[string, string]>} pairs
 * @param {Record<string, boolean>} names
 */
function withoutHeaders(pairs, names) {
  const kept = [];
  for (let index = 0; index < pairs.length; index += 1) if (!names[pairs[index][0]]) append(kept, pairs[index]);
  return kept;
}

/**
 * @param {string} what for messages
 * @param {unknown} input @param {unknown} init as fetch() takes them
 * @param {string} handle
 * @param {(request: string, isRedirect: boolean) => string} argsOf the host call's arguments
 * @returns {Promise<Response>}
 */
function fetchBy(what, input, init, handle, argsOf) {
  try {
    const invocation = requireRequest(what);
    const asked = requestParts(isRequest(input) && init === undefined ? input : new Request(input, init));
    if (asked.signal !== null && isAborted(asked.signal)) throw abortReason(asked.signal);
    const stream = asked.content === null ? null : asked.content.stream;
    const claimed = asked.content === null ? null : claim(asked.content);
    const length = stream === null ? null : lengthOfStream(stream);
    return followHops(invocation, asked, claimed, length, handle, argsOf);
  } catch (error) {
    return promiseReject(error);
  }
}

async function followHops(invocation, asked, claimed, length, handle, argsOf) {
  let { method, pairs } = asked;
  let target = httpUrl(asked.url, undefined);
  for (let redirects = 0; ; redirects += 1) {
    const body = claimed === null ? "null" : claimedOut(invocation, claimed, length, false);
    const url = jsonStringify(withoutFragment(target));
    const request = `{"url":${url},"method":${quote(method)},"headers":${pairsText(pairs)},"body":${body}}`;
    const { head, bytes } = await oneHop(invocation, handle, argsOf(request, redirects > 0), asked.signal);
    const location = isRedirectStatus(head.status) ? headerIn(pairsFromHost(head.headers), "location") : null;
    if (location === null || asked.redirect === "manual") {
      return answerOf(invocation, head, bytes, withoutFragment(target), redirects > 0, asked.signal);
    }
    dropBody(invocation, head);
    if (asked.redirect === "error") throw new TypeError('Redirected, though the request has the mode "error".');
    if (redirects === MOST_REDIRECTS) throw new TypeError("Too many redirects.");
    const next = httpUrl(location, target);
    const becomesGet =
      (head.status === 303 && method !== "GET" && method !== "HEAD") ||
      ((head.status === 301 || head.status === 302) && method === "POST");
    if (becomesGet) {
      method = "GET";
      claimed = null;
      pairs = withoutHeaders(pairs, bodyHeaders);
    } else if (claimed !== null && !isReplayable(claimed)) {
      throw new TypeError("A request with a one-time-use body (it was initialized from a stream) was redirected.");
    }
    if (next.origin !== target.origin) pairs = withoutHeaders(pairs, originHeaders);
    target = next;
  }
}

const isReplayable = ({ origin }) => origin !== null && origin.incoming === null;

/** @throws {TypeError} for anything but http and https */
function httpUrl(text, base) {
  const url = parseUrl(text, base === undefined ? undefined : base.href);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) {
    if (base !== undefined && url.hash === "" && base.hash !== "") return parseUrl(url.href + base.hash, undefined);
    return url;
  }
  if (base !== undefined) throw new TypeError(`Redirected to what is no http or https URL: ${text}`);
  throw new TypeError(`Fetch API cannot load: ${text}`);
}

const withoutFragment = (url) => beforeFirst(url.href, "#");

/** @returns {Promise<{head: any, bytes: ArrayBuffer | undefined}>} */
function oneHop(invocation, handle, args, signal) {
  return new Promise((resolve, reject) => {
    let isGone = false;
    let takeBack = null;
    const finished = () => takeBack !== null && takeBack();
    const answered = (text, bytes) => {
      finished();
      const head = jsonParse(text);
      if (isGone) dropBody(invocation, head);
      else resolve({ __proto__: null, head, bytes });
    };
    const refused = (error) => {
      finished();
      reject(error);
    };
    startOp(invocation, handle, "fetch", args, null, answered, refused);
    if (signal === null) return;
    takeBack = onAbort(signal, () => {
      isGone = true;
      reject(abortReason(signal));
    });
  });
}

/** The body of an answer that nobody reads. */
function dropBody(invocation, head) {
  const content = contentFromHost(invocation, head.body, undefined);
  if (content !== null && content.incoming !== null) cancelIncoming(content.incoming);
}

/** @returns {Response} */
function answerOf(invocation, head, bytes, url, isRedirected, signal) {
  const content = isNullBodyStatus(head.status) ? null : contentFromHost(invocation, head.body, bytes);
  if (signal !== null && content !== null && content.incoming !== null) {
    const { incoming } = content;
    if (isAborted(signal)) cancelIncoming(incoming, abortReason(signal));
    else onAbort(signal, () => cancelIncoming(incoming, abortReason(signal)));
  }
  return incomingResponse(invocation.domain, head, content, url, isRedirected);
}
