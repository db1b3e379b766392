// Request. https://fetch.spec.whatwg.org/#request-class

/** `isRequest(value)`; `incomingRequest(invocation, described, bytes)`; `requestParts(request)`: what fetch() sends. */
let isRequest, incomingRequest, requestParts, requestType;

class Request extends Body {
  #url;
  #method;
  /** @type {Headers | null} */
  #headers = null;
  /** @type {Array<[string, string]> | null} of one that came in, until `#headers` is asked for */
  #pairs = null;
  #redirect = "follow";
  #signal = null;
  #cf = undefined;
  /** @type {Invocation | null} of one that came in: whose client may go away */
  #invocation = null;

  static {
    isRequest = (value) => isObject(value) && #method in value;
    incomingRequest = (invocation, described, bytes) => {
      const request = new Request(hostToken, contentFromHost(invocation, described.body, bytes));
      request.#url = described.url;
      request.#method = described.method;
      request.#pairs = described.headers;
      request.#redirect = "manual";
      request.#invocation = invocation;
      return request;
    };
    requestParts = (request) => ({
      __proto__: null,
      url: request.#href(),
      method: request.#method,
      pairs: request.#pairsNow(),
      content: contentOf(request),
      redirect: request.#redirect,
      signal: request.#invocation === null ? request.#signal : null,
    });
    requestType = (request) => {
      const pairs = request.#pairsNow();
      return headerIn(pairs, "content-type");
    };
  }

  constructor(input, init = undefined) {
    if (input === hostToken) {
      super(bodyToken, init);
      return;
    }
    requireArguments(arguments.length, 1, "Request");
    need("reading");
    need("methods");
    const source = isRequest(input) ? input : null;
    const options = requireDictionary(init, "Request");
    const { method, headers, body, redirect, signal, cf } = options;
    const wanted = method === undefined ? (source === null ? "GET" : source.#method) : toMethod(method);
    const url = source === null ? toRequestUrl(input) : source.#href();
    const extracted = body === undefined || body === null ? null : extractContent(body);
    const inherited = extracted === null && source !== null ? contentOf(source) : null;
    if ((wanted === "GET" || wanted === "HEAD") && (extracted !== null || inherited !== null)) {
      throw new TypeError("Request with a GET or HEAD method cannot have a body.");
    }
    if (signal !== undefined && signal !== null && !isAbortSignal(signal)) {
      throw new TypeError("Request: the signal is not an AbortSignal.");
    }
    const mode = redirect === undefined ? (source === null ? "follow" : source.#redirect) : toRedirectMode(redirect);
    const given =
      headers === undefined ? (source === null ? new Headers() : new Headers(source.#made())) : new Headers(headers);
    super(bodyToken, extracted === null ? moveContent(inherited) : extracted.content);
    this.#url = url;
    this.#method = wanted;
    this.#headers = withType(given, extracted === null ? null : extracted.type);
    this.#redirect = mode;
    this.#signal =
      signal === undefined && source !== null && source.#invocation === null ? source.#signal : (signal ?? null);
    this.#cf = cf === undefined && source !== null ? source.#cf : cf;
  }
  #pairsNow() {
    const headers = this.#made();
    return headerPairs(headers);
  }
  /** What came in becomes Headers when somebody looks. */
  #made() {
    need("headers");
    this.#headers ??= headersFrom(pairsFromHost(this.#pairs), true);
    return this.#headers;
  }
  /** One that came in is as the client wrote it. */
  #href() {
    if (this.#invocation === null) return this.#url;
    need("url");
    this.#url = parseUrl(this.#url, undefined)?.href ?? this.#url;
    return this.#url;
  }
  #ownSignal() {
    need("events");
    const invocation = this.#invocation;
    if (this.#signal === null && invocation !== null) {
      invocation.signal ??= invocation.gone ? goneSignal() : makeSignal();
      this.#signal = invocation.signal;
    }
    return this.#signal;
  }
  get url() {
    return this.#href();
  }
  get method() {
    return this.#method;
  }
  get headers() {
    return this.#made();
  }
  get redirect() {
    return this.#redirect;
  }
  get signal() {
    this.#signal = this.#ownSignal() ?? makeSignal();
    return this.#signal;
  }
  get cf() {
    this.#cf ??= {};
    return this.#cf;
  }
  get integrity() {
    this.#method;
    return "";
  }
  get keepalive() {
    this.#method;
    return false;
  }
  clone() {
    need("reading");
    const copy = new Request(hostToken, teeContent(contentOf(this)));
    copy.#url = this.#url;
    copy.#method = this.#method;
    copy.#pairs = this.#pairs;
    if (this.#headers !== null) copy.#headers = copiedHeaders(this.#headers, this.#invocation !== null);
    copy.#redirect = this.#redirect;
    copy.#signal = this.#signal === null && this.#invocation === null ? null : this.#ownSignal();
    copy.#cf = this.#cf;
    copy.#invocation = this.#invocation;
    return copy;
  }
}
webInterface(Request);

const clientGone = () => {
  need("exceptions");
  return new DOMException("The client has gone away.", "AbortError");
};

/** For a signal that is first looked at when the client has gone. */
function goneSignal() {
  const signal = makeSignal();
  signalAbort(signal, clientGone());
  return signal;
}
