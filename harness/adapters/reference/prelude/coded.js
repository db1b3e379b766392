// Values on their way to other isolates or into storage.

/** JSON that every decoder takes: JSON.stringify escapes no surrogates but lone ones. @param {string} json */
function decodable(json) {
  let at = stringIndexOf(json, "\\ud");
  if (at === -1) return json;
  let from = 0;
  let text = "";
  for (; at !== -1; at = stringIndexOf(json, "\\ud", at + 1)) {
    let backslashes = 1;
    while (at - backslashes >= 0 && stringCharCodeAt(json, at - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) continue; // an escaped backslash, and then the letters "ud"
    text += `${stringSlice(json, from, at)}\\ufffd`;
    from = at + 6;
  }
  return text + stringSlice(json, from);
}

/** Plain data as JSON, also when Worker code planted a toJSON. @param {any} value */
const plainJson = (value) =>
  "toJSON" in ObjectPrototype || "toJSON" in ArrayPrototype ? plainJsonByHand(value) : jsonStringify(value);

function plainJsonByHand(value) {
  if (typeof value !== "object" || value === null) return jsonStringify(value);
  let text = "";
  if (isArray(value)) {
    for (let index = 0; index < value.length; index += 1)
      text += (index === 0 ? "" : ",") + plainJsonByHand(value[index]);
    return `[${text}]`;
  }
  const keys = objectKeys(value);
  for (let index = 0; index < keys.length; index += 1) {
    text += `${index === 0 ? "" : ","}${jsonStringify(keys[index])}:${plainJsonByHand(value[keys[index]])}`;
  }
  return `{${text}}`;
}

/**
 * CODED: a value on its way to other isolates or into storage. Text within the JSON, so that nobody on the way builds
 * what it describes, however large and deep that is.
 * @param {{plainInstances: boolean} | undefined} options
 * @throws {DOMException} DataCloneError
 */
const codedText = (value, options) => `{"c":${jsonStringify(plainJson(encodeStructured(value, options)))}}`;

/** How values are coded that a method is called with, or returns. */
const rpcOptions = { __proto__: null, plainInstances: false };

/** The value again. Data that was never coded stands for itself. @param {any} coded as JSON.parse gave it */
function decoded(coded) {
  const text = isObject(coded) ? ownField(coded, "c") : undefined;
  return decodeStructured(typeof text === "string" ? jsonParse(text) : coded);
}
