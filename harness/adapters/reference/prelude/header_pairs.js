// Headers of messages.

/** The first header of that name. @param {Array<[string, string]>} pairs @returns {string | null} */
function headerIn(pairs, name) {
  for (let index = 0; index < pairs.length; index += 1) if (pairs[index][0] === name) return pairs[index][1];
  return null;
}

/** The body's own content type, unless the headers name one. @returns {Headers} */
function withType(headers, type) {
  if (type !== null && headerIn(headerPairs(headers), "content-type") === null)
    appendHeader(headers, "content-type", type);
  return headers;
}

/** @param {boolean} areFrozen whether they cannot be changed, which a clone's cannot either */
const copiedHeaders = (headers, areFrozen) => (areFrozen ? freezeHeaders(new Headers(headers)) : new Headers(headers));

/** Pairs as the host hands them over, names in lower case. */
function pairsFromHost(given) {
  const pairs = [];
  for (let index = 0; index < given.length; index += 1)
    append(pairs, [stringToLowerCase(given[index][0]), given[index][1]]);
  return pairs;
}
