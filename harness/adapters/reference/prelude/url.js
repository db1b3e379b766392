// URL. https://url.spec.whatwg.org/#url-class

/** A record with another query or fragment, each null (none) or without its "?" or "#". For http and https. */
const withTail = (record, query, fragment) => {
  const { protocol, username, password, host, hostname, port, pathname, origin } = record;
  let { href } = record;
  const cut = (mark) => {
    const at = stringIndexOf(href, mark, 0);
    const tail = at < 0 ? "" : stringSlice(href, at);
    if (at >= 0) href = stringSlice(href, 0, at);
    return tail;
  };
  const oldFragment = cut("#");
  const oldQuery = cut("?");
  const search = query === undefined ? oldQuery : query === null ? "" : "?" + query;
  const hash = fragment === undefined ? oldFragment : fragment === null ? "" : "#" + fragment;
  return urlRecord(
    href + search + hash, protocol, username, password, host, hostname, port, pathname,
    search.length > 1 ? search : "", hash.length > 1 ? hash : "", origin,
  );
};

const urlToken = {};

class URL {
  /** @type {object} */
  #record;
  /** @type {URLSearchParams | null} made when it is asked for */
  #searchParams = null;

  constructor(url, base = undefined) {
    if (url === urlToken) {
      this.#record = base;
      return;
    }
    requireArguments(arguments.length, 1, "URL");
    const record = parseUrl(toUSVString(url), base === undefined ? undefined : toUSVString(base));
    if (record === null) throw new TypeError("Invalid URL string.");
    this.#record = record;
  }
  static canParse(url, base = undefined) {
    requireArguments(arguments.length, 1, "URL.canParse");
    return parseUrl(toUSVString(url), base === undefined ? undefined : toUSVString(base)) !== null;
  }
  static parse(url, base = undefined) {
    requireArguments(arguments.length, 1, "URL.parse");
    const record = parseUrl(toUSVString(url), base === undefined ? undefined : toUSVString(base));
    return record === null ? null : new URL(urlToken, record);
  }
  #replace(record) {
    this.#record = record;
    if (this.#searchParams !== null) setQuery(this.#searchParams, stringSlice(record.search, 1));
  }
  #set(property, value) {
    this.#replace(recordFrom(native.setUrl(this.#record.href, property, toUSVString(value))) ?? this.#record);
  }
  /** Whether query and fragment can be put in their place without asking the host. */
  get #isWeb() {
    return this.#record.protocol === "https:" || this.#record.protocol === "http:";
  }
  get href() {
    return this.#record.href;
  }
  set href(value) {
    this.#record;
    const record = parseUrl(toUSVString(value), undefined);
    if (record === null) throw new TypeError("Invalid URL string.");
    this.#replace(record);
  }
  get origin() {
    return this.#record.origin;
  }
  get protocol() {
    return this.#record.protocol;
  }
  set protocol(value) {
    this.#set("protocol", value);
  }
  get username() {
    return this.#record.username;
  }
  set username(value) {
    this.#set("username", value);
  }
  get password() {
    return this.#record.password;
  }
  set password(value) {
    this.#set("password", value);
  }
  get host() {
    return this.#record.host;
  }
  set host(value) {
    this.#set("host", value);
  }
  get hostname() {
    return this.#record.hostname;
  }
  set hostname(value) {
    this.#set("hostname", value);
  }
  get port() {
    return this.#record.port;
  }
  set port(value) {
    this.#set("port", value);
  }
  get pathname() {
    return this.#record.pathname;
  }
  set pathname(value) {
    this.#set("pathname", value);
  }
  get search() {
    return this.#record.search;
  }
  set search(value) {
    const text = toUSVString(value);
    const from = text[0] === "?" ? 1 : 0;
    if (!this.#isWeb || !isPlain(text, from, text.length, IN_QUERY)) this.#set("search", text);
    else this.#replace(withTail(this.#record, text === "" ? null : stringSlice(text, from), undefined));
  }
  get searchParams() {
    if (this.#searchParams === null) {
      this.#searchParams = new URLSearchParams(this.#record.search);
      followUrl(this.#searchParams, (serialized) => {
        this.#record = this.#isWeb
          ? withTail(this.#record, serialized === "" ? null : serialized, undefined)
          : recordFrom(native.setUrl(this.#record.href, "search", serialized)) ?? this.#record;
      });
    }
    return this.#searchParams;
  }
  get hash() {
    return this.#record.hash;
  }
  set hash(value) {
    const text = toUSVString(value);
    const from = text[0] === "#" ? 1 : 0;
    if (!this.#isWeb || !isPlain(text, from, text.length, IN_FRAGMENT)) this.#set("hash", text);
    else this.#record = withTail(this.#record, undefined, text === "" ? null : stringSlice(text, from));
  }
  toString() {
    return this.#record.href;
  }
  toJSON() {
    return this.#record.href;
  }
}
webInterface(URL);
