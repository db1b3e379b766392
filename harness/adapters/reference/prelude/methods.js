// What requests are made of, as Worker code gives it.

const normalMethods = { __proto__: null, DELETE: true, GET: true, HEAD: true, OPTIONS: true, POST: true, PUT: true };
const refusedMethods = { __proto__: null, CONNECT: true, TRACE: true, TRACK: true };

/** @throws {TypeError} for what is no method, and for those that nobody may send */
function toMethod(value) {
  const method = `${value}`;
  const upper = stringToUpperCase(method);
  if (normalMethods[upper]) return upper;
  for (let at = 0; at < method.length; at += 1) {
    const code = stringCharCodeAt(method, at);
    if (code > 127 || isTokenCharacter[code] === 0) throw new TypeError(`Invalid HTTP method string: ${method}`);
  }
  if (method === "" || refusedMethods[upper]) throw new TypeError(`Invalid HTTP method string: ${method}`);
  return method;
}

function toRedirectMode(value) {
  const mode = `${value}`;
  if (mode === "follow" || mode === "manual" || mode === "error") return mode;
  throw new TypeError(`Invalid redirect value: "${mode}"; expected "follow", "manual" or "error".`);
}

/** @throws {TypeError} for what is no absolute URL, and for one with credentials */
function toRequestUrl(value) {
  const text = toUSVString(value);
  const url = parseUrl(text, undefined);
  if (url === null) throw new TypeError(`Invalid URL: ${text}`);
  if (url.username !== "" || url.password !== "")
    throw new TypeError("A Request cannot be made from a URL that includes credentials.");
  return url.href;
}
