// Taking URLs apart. https://url.spec.whatwg.org/
//
// The full parser is Node's own, a host call away. A URL that is already in its canonical form, as nearly all are, is
// taken apart here; whatever is not plainly so goes to the host, so that nothing is decided twice.

/** In which component a character stands for itself. */
const IN_HOST = 1;
const IN_PATH = 2;
const IN_QUERY = 4;
const IN_FRAGMENT = 8;
const IN_FORM = 16;
const plainIn = new Uint8Array(128);
{
  const mark = (characters, components) => {
    for (let at = 0; at < characters.length; at += 1) plainIn[stringCharCodeAt(characters, at)] |= components;
  };
  mark("abcdefghijklmnopqrstuvwxyz0123456789-.", IN_HOST | IN_PATH | IN_QUERY | IN_FRAGMENT | IN_FORM);
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", IN_PATH | IN_QUERY | IN_FRAGMENT | IN_FORM);
  mark("~!$&()+,;=:@/%*", IN_PATH | IN_QUERY | IN_FRAGMENT);
  mark("*", IN_FORM);
  mark("'", IN_PATH | IN_FRAGMENT);
  mark("?[]|{}^", IN_QUERY | IN_FRAGMENT);
  mark("#", IN_FRAGMENT);
}

/** Whether all of `text[from, to)` stands for itself in a component. */
const isPlain = (text, from, to, component) => {
  for (let at = from; at < to; at++) {
    const code = stringCharCodeAt(text, at);
    if (code > 127 || (plainIn[code] & component) === 0) return false;
  }
  return true;
};

/** The components of a URL as its getters give them. */
const urlRecord = (href, protocol, username, password, host, hostname, port, pathname, search, hash, origin) => ({
  __proto__: null, href, protocol, username, password, host, hostname, port, pathname, search, hash, origin,
});

/** The answer of the host, "" or JSON, as a record. @returns {object | null} null: not a URL */
const recordFrom = (answer) => (answer === "" ? null : reflectApply(urlRecord, null, jsonParse(answer)));

/** A canonical port, or "" when it is none. */
const isPlainPort = (port, defaultPort) => {
  if (port.length === 0 || port.length > 5 || port === defaultPort || stringCharCodeAt(port, 0) === 0x30) return false;
  for (let i = 0; i < port.length; i++) {
    const code = stringCharCodeAt(port, i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return +port <= 65535;
};

/** a.b.c.d, each 0 to 255 without leading zeros. */
const isDottedIpv4 = (host) => {
  let parts = 0;
  let from = 0;
  while (from <= host.length) {
    let to = stringIndexOf(host, ".", from);
    if (to < 0) to = host.length;
    if (to === from || to - from > 3 || (to - from > 1 && stringCharCodeAt(host, from) === 0x30)) return false;
    let number = 0;
    for (let at = from; at < to; at++) {
      const digit = stringCharCodeAt(host, at) - 0x30;
      if (digit < 0 || digit > 9) return false;
      number = number * 10 + digit;
    }
    if (number > 255) return false;
    parts++;
    from = to + 1;
  }
  return parts === 4;
};

/** A host name of lower-case labels that the IDNA and the IPv4 parser leave alone. */
const isPlainHost = (host) => {
  if (host.length === 0 || host.length > 253) return false;
  let label = 0;
  for (let at = 0; at < host.length; at++) {
    const code = stringCharCodeAt(host, at);
    if (code > 127 || (plainIn[code] & IN_HOST) === 0) return false;
    if (code === 0x2e) {
      if (at === label) return false;
      label = at + 1;
    }
  }
  if (label === host.length || stringIndexOf(host, "xn--", 0) >= 0) return false;
  const first = stringCharCodeAt(host, label);
  return first < 0x30 || first > 0x39 || isDottedIpv4(host); // a last label with a digit in front may mean a number
};

/** Whether a path has a segment of one or two dots, each perhaps written %2e. */
const hasDotSegment = (path) => {
  let at = -1;
  while ((at = stringIndexOf(path, "/", at + 1)) >= 0) {
    let dots = 0;
    let end = at + 1;
    for (;;) {
      if (path[end] === ".") end++;
      else if (path[end] === "%" && path[end + 1] === "2" && (path[end + 2] === "e" || path[end + 2] === "E")) end += 3;
      else break;
      dots++;
    }
    if ((dots === 1 || dots === 2) && (end === path.length || path[end] === "/")) return true;
  }
  return false;
};

/** A canonical http or https URL. @returns {object | null} null: to be parsed by the host */
function plainUrl(text) {
  const secure = stringStartsWith(text, "https://");
  if (!secure && !stringStartsWith(text, "http://")) return null;
  const { length } = text;
  const authority = secure ? 8 : 7;
  let path = authority;
  let colon = -1;
  for (; path < length; path++) {
    const code = stringCharCodeAt(text, path);
    if (code === 0x2f || code === 0x3f || code === 0x23) break;
    if (code === 0x3a && colon < 0) colon = path;
  }
  const hostname = stringSlice(text, authority, colon < 0 ? path : colon);
  const port = colon < 0 ? "" : stringSlice(text, colon + 1, path);
  if (!isPlainHost(hostname) || (colon >= 0 && !isPlainPort(port, secure ? "443" : "80"))) return null;
  let fragment = stringIndexOf(text, "#", path);
  if (fragment < 0) fragment = length;
  let query = stringIndexOf(text, "?", path);
  if (query < 0 || query > fragment) query = fragment;
  if (!isPlain(text, path, query, IN_PATH) || !isPlain(text, query + 1, fragment, IN_QUERY)) return null;
  if (!isPlain(text, fragment + 1, length, IN_FRAGMENT)) return null;
  const pathname = path === query ? "/" : stringSlice(text, path, query);
  if (hasDotSegment(pathname)) return null;
  const protocol = secure ? "https:" : "http:";
  const host = stringSlice(text, authority, path);
  return urlRecord(
    path === query ? stringSlice(text, 0, path) + "/" + stringSlice(text, path) : text,
    protocol, "", "", host, hostname, port, pathname,
    fragment - query > 1 ? stringSlice(text, query, fragment) : "",
    length - fragment > 1 ? stringSlice(text, fragment) : "",
    protocol + "//" + host,
  );
}

/** What the host makes of a URL. @throws {Error} while there is no host to ask */
const parseAtHost = (text, base) => {
  if (native.parseUrl === null) throw new Error("A URL that is not in its canonical form cannot be parsed yet.");
  return recordFrom(native.parseUrl(text, base));
};

/** Parses as the URL standard does. @param {string | undefined} base @returns {object | null} null: not a URL */
function parseUrl(text, base) {
  const absolute = plainUrl(text);
  if (base === undefined) return absolute ?? parseAtHost(text, undefined);
  const from = plainUrl(base);
  if (from === null) return parseAtHost(text, base);
  if (absolute !== null) return absolute;
  const isPath = text[0] === "/" && text[1] !== "/" && text[1] !== "\\";
  return (isPath ? plainUrl(from.origin + text) : null) ?? parseAtHost(text, from.href);
}
