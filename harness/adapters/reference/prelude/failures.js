// What goes wrong and what is logged, for the host.

/** Of each of the three; nobody reads more, and it is passed on by many. */
const LONGEST_DESCRIPTION = 16_384;
const UNDESCRIBABLE = "a thrown value that cannot be described";

/** Texts of something thrown, whatever it is. Reading them may run Worker code, which may throw again. */
function describeThrown(thrown) {
  const told = { __proto__: null, name: "Error", message: "", stack: "" };
  try {
    if (!isObject(thrown)) {
      told.message = String(thrown);
      return told;
    }
    const { name, message, stack } = thrown;
    told.message = message === undefined ? String(thrown) : String(message);
    if (name !== undefined) told.name = String(name);
    if (stack !== undefined) told.stack = String(stack);
  } catch {
    told.message ||= UNDESCRIBABLE;
  }
  return told;
}

/** @returns {string} the description as JSON, its last bracket left out */
function thrownText({ name, message, stack }) {
  const text = (part) => quote(stringSlice(part, 0, LONGEST_DESCRIPTION));
  return `{"name":${text(name)},"message":${text(message)},"stack":${text(stack)}`;
}

/** A rejection or an exception that nobody handled. @param {Invocation} invocation */
function postException(invocation, thrown) {
  if (!invocation.over) post(`["exception",${invocation.rid},${thrownText(describeThrown(thrown))}}]`);
}

hooks.uncaught = (error) => {
  if (current !== null) postException(current, error);
};

/** The answer is an exception. @param {Invocation} invocation */
function postFailure(invocation, thrown) {
  const told = describeThrown(thrown);
  let coded;
  try {
    coded = codedText(thrown, undefined);
  } catch {
    coded = codedText(new (builtInErrors[told.name] ?? Error)(told.message), undefined); // parts of it cannot be sent
  }
  if (!invocation.over) post(`["fail",${invocation.rid},${thrownText(told)},"coded":${coded}}]`);
}

const MOST_LOGS = 256;
const LONGEST_LOG = 16_384;

/** A line of console output. @param {string} level @param {string} text */
function postLog(level, text) {
  if (current !== null && (current.logs += 1) > MOST_LOGS) return;
  post(`["log",${current === null ? 0 : current.rid},${quote(level)},${quote(stringSlice(text, 0, LONGEST_LOG))}]`);
}
