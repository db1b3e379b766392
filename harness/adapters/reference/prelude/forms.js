// FormData as a body: multipart/form-data both ways. https://www.rfc-editor.org/rfc/rfc7578

const blobType = uncurryGetter(Blob.prototype, "type");
const fileName = uncurryGetter(File.prototype, "name");

/** A name or a file name within quotes, as browsers write it. @param {string} text */
function quotedName(text) {
  let quoted = "";
  for (let at = 0; at < text.length; at += 1) {
    const code = stringCharCodeAt(text, at);
    quoted += code === 0x22 ? "%22" : code === 0x0d ? "%0D" : code === 0x0a ? "%0A" : text[at];
  }
  return quoted;
}

/** @param {FormData} form @returns {{bytes: ArrayBuffer, type: string}} */
function multipartOf(form) {
  const boundary = `----formdata-${latin1Hex(new Uint8Array(native.random(16)))}`;
  const entries = formEntries(form);
  const pieces = [];
  let total = 0;
  const add = (bytes) => {
    append(pieces, bytes);
    total += typedArrayByteLength(bytes);
  };
  for (let index = 0; index < entries.length; index += 1) {
    const name = entries[index][0];
    const value = entries[index][1];
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quotedName(name)}"`;
    if (typeof value === "string") add(utf8Encode(`${head}\r\n\r\n${value}\r\n`));
    else {
      const type = blobType(value) || "application/octet-stream";
      add(utf8Encode(`${head}; filename="${quotedName(fileName(value))}"\r\nContent-Type: ${type}\r\n\r\n`));
      add(blobBytes(value));
      add(utf8Encode("\r\n"));
    }
  }
  add(utf8Encode(`--${boundary}--\r\n`));
  const bytes = new Uint8Array(total);
  for (let index = 0, at = 0; index < pieces.length; index += 1) {
    typedArraySet(bytes, pieces[index], at);
    at += typedArrayByteLength(pieces[index]);
  }
  return { __proto__: null, bytes: typedArrayBuffer(bytes), type: `multipart/form-data; boundary=${boundary}` };
}

const appendToForm = uncurryThis(FormData.prototype.append);

/** @param {string | ArrayBuffer} whole @param {string} type its content type @returns {FormData} @throws {TypeError} */
function formOf(whole, type) {
  const essence = stringToLowerCase(stringTrim(beforeFirst(type, ";")));
  const form = new FormData();
  if (essence === "application/x-www-form-urlencoded") {
    const pairs = parseForm(wholeAsText(whole));
    for (let index = 0; index < pairs.length; index += 1) appendToForm(form, pairs[index][0], pairs[index][1]);
    return form;
  }
  const boundary = parameterOf(type, "boundary");
  if (essence !== "multipart/form-data" || !boundary) {
    throw new TypeError(
      `formData(): expected the content type multipart/form-data or application/x-www-form-urlencoded, saw "${type}".`,
    );
  }
  const bytes = wholeAsBytes(whole);
  // One character for each byte: places in the text are places in the bytes.
  const text = latin1Text(bytes, 0, typedArrayLength(bytes));
  const delimiter = `--${latin1OfUtf8(boundary)}`;
  let at = stringIndexOf(text, delimiter);
  if (at === -1) throw new TypeError("formData(): the body has no part.");
  for (;;) {
    at += delimiter.length;
    if (stringStartsWith(text, "--", at)) return form;
    const head = stringIndexOf(text, "\r\n", at);
    const body = head === -1 ? -1 : stringIndexOf(text, "\r\n\r\n", head);
    const end = body === -1 ? -1 : stringIndexOf(text, `\r\n${delimiter}`, body + 2);
    if (end === -1) throw new TypeError("formData(): a part of the body has no end.");
    appendPart(form, utf8OfLatin1(stringSlice(text, head + 2, body)), viewOf(bytes, mathMin(body + 4, end), end));
    at = end + 2;
  }
}

function appendPart(form, head, bytes) {
  let disposition = "";
  let type = "text/plain";
  for (let at = 0; at < head.length;) {
    let end = stringIndexOf(head, "\r\n", at);
    if (end === -1) end = head.length;
    const line = stringSlice(head, at, end);
    const name = stringToLowerCase(beforeFirst(line, ":"));
    if (name === "content-disposition") disposition = line;
    if (name === "content-type") type = stringTrim(stringSlice(line, name.length + 1));
    at = end + 2;
  }
  const name = parameterOf(disposition, "name");
  if (name === null) throw new TypeError("formData(): a part of the body has no name.");
  const filename = parameterOf(disposition, "filename");
  if (filename === null) appendToForm(form, name, utf8Decode(bytes));
  else appendToForm(form, name, new File([bytes], filename, { __proto__: null, type }));
}

const latin1OfUtf8 = (text) => {
  const bytes = utf8Encode(text);
  return latin1Text(bytes, 0, typedArrayLength(bytes));
};

const utf8OfLatin1 = (text) => {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = stringCharCodeAt(text, at);
  return utf8Decode(bytes);
};

/**
 * A parameter of a header value, with or without quotes; null when there is none.
 * @param {string} text
 * @param {string} name
 */
function parameterOf(text, name) {
  for (let at = stringIndexOf(text, ";"); at !== -1;) {
    at += 1;
    while (text[at] === " " || text[at] === "\t") at += 1;
    const equals = stringIndexOf(text, "=", at);
    if (equals === -1) return null;
    const key = stringToLowerCase(stringSlice(text, at, equals));
    let value = "";
    if (text[equals + 1] === '"') {
      let end = equals + 2;
      for (; end < text.length && text[end] !== '"'; end += 1) value += text[end];
      at = stringIndexOf(text, ";", end);
    } else {
      const end = stringIndexOf(text, ";", equals);
      value = stringTrim(stringSlice(text, equals + 1, end === -1 ? text.length : end));
      at = end;
    }
    if (key === name) return key === "boundary" ? value : unquotedName(value);
  }
  return null;
}

/** What `quotedName` wrote. */
function unquotedName(text) {
  let name = "";
  for (let at = 0; at < text.length; at += 1) {
    const escape = text[at] === "%" ? stringToUpperCase(stringSlice(text, at, at + 3)) : "";
    const meant = escape === "%22" ? '"' : escape === "%0D" ? "\r" : escape === "%0A" ? "\n" : null;
    name += meant ?? text[at];
    if (meant !== null) at += 2;
  }
  return name;
}
