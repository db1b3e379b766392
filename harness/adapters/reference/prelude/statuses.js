// Statuses of responses, as Worker code gives them.

const isRedirectStatus = (status) =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308;

/** @throws {TypeError} for what no status line can carry */
function toStatusText(value) {
  const text = `${value}`;
  for (let at = 0; at < text.length; at += 1) {
    const code = stringCharCodeAt(text, at);
    if (code > 0xff || code === 0x7f || (code < 0x20 && code !== 0x09)) throw new TypeError("Invalid statusText.");
  }
  return text;
}

/** @throws {RangeError} */
function toStatus(value) {
  const status = Number(value);
  if (!isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(
      `Responses may only be constructed with status codes in the range 200 to 599, inclusive; saw ${status}.`,
    );
  }
  return status;
}
