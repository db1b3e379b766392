// Response. https://fetch.spec.whatwg.org/#response-class

/** The content type of what is made by Response.json. */
const jsonType = { __proto__: null, type: "application/json" };

const isNullBodyStatus = (status) => status === 101 || status === 204 || status === 205 || status === 304;

/**
 * `isResponse(value)`; `incomingResponse(domain, head, content, url, redirected)`: an answer from outside;
 * `responseHead(response)`: all but the body, as the beginning of a post's JSON object.
 */
let isResponse, incomingResponse, responseHead, responseType;

class Response extends Body {
  #status = 200;
  #statusText = "";
  /** @type {Headers | null} */
  #headers = null;
  /** @type {Array<[string, string]> | null} of one that came in, until `#headers` is asked for */
  #pairs = null;
  /** @type {string | null} the content type of a body without headers */
  #implied = null;
  #url = "";
  #redirected = false;
  #isError = false;
  /** With which request it came in. @type {object | null} */
  #domain = null;

  static {
    isResponse = (value) => isObject(value) && #status in value;
    incomingResponse = (domain, head, content, url, redirected) => {
      const response = new Response(hostToken, content);
      response.#status = head.status;
      response.#statusText = head.statusText;
      response.#pairs = head.headers;
      response.#domain = domain;
      response.#url = url;
      response.#redirected = redirected;
      return response;
    };
    responseHead = (response) => {
      checkOwner(response.#domain);
      if (response.#isError) throw new TypeError("The handler returned Response.error().");
      const headers = pairsText(response.#wirePairs());
      return `{"status":${response.#status},"statusText":${quote(response.#statusText)},"headers":${headers},"body":`;
    };
    responseType = (response) => {
      const headers = response.#made();
      return headerIn(headerPairs(headers), "content-type");
    };
  }

  constructor(body = undefined, init = undefined, type = undefined) {
    if (body === hostToken) {
      super(bodyToken, init);
      return;
    }
    if (typeof body === "string") {
      super(bodyToken, contentOfText(stringToWellFormed(body)));
      this.#implied = type === jsonType ? jsonType.type : TEXT_TYPE;
    } else if (body === undefined || body === null) super(bodyToken, null);
    else {
      need("reading");
      const extracted = extractContent(body);
      super(bodyToken, extracted.content);
      this.#implied = extracted.type;
    }
    if (init !== undefined && init !== null) this.#initialize(init);
  }
  #initialize(init) {
    const { status, statusText, headers } = requireDictionary(init, "Response");
    need("statuses");
    if (status !== undefined) this.#status = toStatus(status);
    if (statusText !== undefined) this.#statusText = toStatusText(statusText);
    if (isNullBodyStatus(this.#status) && contentOf(this) !== null) {
      throw new TypeError(`Response with null body status (${this.#status}) cannot have a body.`);
    }
    if (headers === undefined) return;
    need("headers");
    this.#headers = withType(new Headers(headers), this.#implied);
  }
  /** Headers are made when somebody looks. */
  #made() {
    need("headers");
    const cameIn = this.#pairs !== null;
    this.#headers ??= headersFrom(cameIn ? pairsFromHost(this.#pairs) : this.#wirePairs(), cameIn);
    return this.#headers;
  }
  #wirePairs() {
    if (this.#headers !== null) return headerPairs(this.#headers);
    if (this.#pairs !== null) return this.#pairs;
    return this.#implied === null ? [] : [["content-type", this.#implied]];
  }
  get type() {
    return this.#isError ? "error" : "default";
  }
  get url() {
    return this.#url;
  }
  get redirected() {
    return this.#redirected;
  }
  get status() {
    return this.#status;
  }
  get ok() {
    return this.#status >= 200 && this.#status < 300;
  }
  get statusText() {
    return this.#statusText;
  }
  get headers() {
    return this.#made();
  }
  get webSocket() {
    this.#status;
    return null;
  }
  get cf() {
    this.#status;
    return undefined;
  }
  clone() {
    need("reading");
    checkOwner(this.#domain);
    const copy = new Response(hostToken, teeContent(contentOf(this)));
    copy.#status = this.#status;
    copy.#statusText = this.#statusText;
    if (this.#headers !== null) copy.#headers = copiedHeaders(this.#headers, this.#pairs !== null);
    copy.#pairs = this.#pairs;
    copy.#implied = this.#implied;
    copy.#url = this.#url;
    copy.#redirected = this.#redirected;
    copy.#isError = this.#isError;
    copy.#domain = this.#domain;
    return copy;
  }
  static json(data, init = undefined) {
    requireArguments(arguments.length, 1, "Response.json");
    const text = jsonStringify(data);
    if (text === undefined) throw new TypeError("Response.json: the value is not JSON serializable.");
    return new Response(text, init, jsonType);
  }
  static redirect(url, status = 302) {
    requireArguments(arguments.length, 1, "Response.redirect");
    need("url");
    need("headers");
    need("statuses");
    const target = parseUrl(toUSVString(url), undefined);
    if (target === null) throw new TypeError("Unable to parse URL.");
    const code = Number(status);
    if (!isRedirectStatus(code)) throw new RangeError(`${code} is not a redirect status code.`);
    const response = new Response(undefined, { __proto__: null, status: code });
    response.#headers = headersFrom([["location", target.href]], true);
    return response;
  }
  static error() {
    need("headers");
    const response = new Response(hostToken, null);
    response.#status = 0;
    response.#isError = true;
    response.#headers = headersFrom([], true);
    return response;
  }
}
webInterface(Response);

const contentTypeOf = (message) => (isResponse(message) ? responseType(message) : requestType(message));
