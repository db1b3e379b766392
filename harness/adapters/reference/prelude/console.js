// console, and reportError for what nobody catches.

const DEPTH = 3;
const MOST_ITEMS = 100;

const isPlainKey = (key) => {
  for (let i = 0; i < key.length; i++) {
    const code = stringCharCodeAt(key, i);
    const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code === 0x24;
    if (!isLetter && (i === 0 || code < 0x30 || code > 0x39)) return false;
  }
  return key.length > 0;
};

/** A value as a person reads it. Getters are not called. */
const inspect = (value, depth, path) => {
  if (typeof value === "string") return path.length === 0 ? value : jsonStringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return symbolToString(value);
  if (typeof value === "function") {
    const name = getOwnPropertyDescriptor(value, "name")?.value;
    return typeof name === "string" && name !== "" ? `[Function: ${name}]` : "[Function]";
  }
  if (typeof value !== "object" || value === null) return value === 0 && 1 / value < 0 ? "-0" : `${value}`;
  if (arrayIndexOf(path, value) >= 0) return "[Circular]";
  if (late.isError(value)) {
    const { stack } = value;
    return typeof stack === "string" ? stack : `${value}`;
  }
  const tag = isView(value) ? typedArrayKind(value) ?? "DataView" : stringSlice(objectToString(value), 8, -1);
  if (depth === 0) return isArray(value) ? "[Array]" : `[${tag}]`;
  const inner = [];
  for (let i = 0; i < path.length; i++) append(inner, path[i]);
  append(inner, value);
  const show = (item) => inspect(item, depth - 1, inner);
  const parts = [];
  let open = "{ ";
  let close = " }";
  if (isArray(value) || typedArrayKind(value) !== undefined) {
    open = isArray(value) ? "[ " : `${tag} [ `;
    close = " ]";
    const length = isArray(value) ? value.length : typedArrayLength(value);
    for (let i = 0; i < length && i < MOST_ITEMS; i++) append(parts, show(getOwnPropertyDescriptor(value, i)?.value));
    if (length > MOST_ITEMS) append(parts, `... ${length - MOST_ITEMS} more`);
  } else if (tag === "Map" && readOr(mapSize, value) !== undefined) {
    open = "Map { ";
    mapForEach(value, (item, key) => append(parts, `${show(key)} => ${show(item)}`));
  } else if (tag === "Set" && readOr(setSize, value) !== undefined) {
    open = "Set { ";
    setForEach(value, (item) => append(parts, show(item)));
  } else if (tag === "Date" && readOr(dateGetTime, value) !== undefined) {
    return readOr(dateToIso, value) ?? "Invalid Date";
  } else {
    if (tag !== "Object") open = `${tag} { `;
    const keys = objectKeys(value);
    for (let i = 0; i < keys.length && i < MOST_ITEMS; i++) {
      const descriptor = getOwnPropertyDescriptor(value, keys[i]);
      const shown = descriptor !== undefined && "value" in descriptor ? show(descriptor.value) : "[Getter]";
      append(parts, `${isPlainKey(keys[i]) ? keys[i] : jsonStringify(keys[i])}: ${shown}`);
    }
    if (keys.length > MOST_ITEMS) append(parts, `... ${keys.length - MOST_ITEMS} more`);
  }
  return parts.length === 0 ? stringTrim(open) + stringTrim(close) : open + arrayJoin(parts, ", ") + close;
};

const isDirective = (character) => stringIndexOf("sdifjoOc", character, 0) >= 0;

/** The arguments of a console method as one line; printf's %s %d %i %f %j %o %O %c in the first one. */
const formatLog = (values) => {
  let text = "";
  let next = 0;
  const show = (value) => {
    try {
      return inspect(value, DEPTH, []);
    } catch {
      return "[an object that cannot be shown]"; // a proxy or a getter that throws
    }
  };
  if (typeof values[0] === "string" && values.length > 1) {
    const format = values[0];
    next = 1;
    for (let at = 0; at < format.length; at++) {
      const directive = format[at] === "%" ? format[at + 1] ?? " " : " ";
      if (directive === "%") {
        text += "%";
        at++;
      } else if (isDirective(directive) && next < values.length) {
        const value = values[next++];
        if (directive !== "c") text += directive === "d" && typeof value === "object" ? "NaN" : show(value);
        at++;
      } else text += format[at];
    }
  }
  for (; next < values.length; next++) text += (next === 0 ? "" : " ") + show(values[next]);
  return text;
};

const console = setPrototypeOf({}, setPrototypeOf({}, ObjectPrototype));
{
  const counts = new Map();
  const timers = new Map();
  const log = (level) => (...values) => postLog(level, formatLog(values));
  const nothing = () => () => {};
  const methods = {
    debug: log("debug"), error: log("error"), info: log("info"), log: log("log"), warn: log("warn"),
    dir: (value) => postLog("log", formatLog([value])), dirxml: log("log"), table: log("log"),
    trace: log("log"), group: log("log"), groupCollapsed: log("log"), groupEnd: nothing(), clear: nothing(),
    count(label = "default") {
      const count = (mapGet(counts, `${label}`) ?? 0) + 1;
      mapSet(counts, `${label}`, count);
      postLog("log", `${label}: ${count}`);
    },
    countReset(label = "default") {
      mapDelete(counts, `${label}`);
    },
    assert(condition, ...values) {
      if (!condition) postLog("error", "Assertion failed" + (values.length === 0 ? "" : ": " + formatLog(values)));
    },
    profile: nothing(), profileEnd: nothing(),
    time(label = "default") {
      mapSet(timers, `${label}`, clock.nowMs);
    },
    timeLog(label = "default") {
      postLog("log", `${label}: ${clock.nowMs - (mapGet(timers, `${label}`) ?? clock.nowMs)}ms`);
    },
    timeEnd(label = "default") {
      methods.timeLog(label);
      mapDelete(timers, `${label}`);
    },
    timeStamp: nothing(),
  };
  const names = objectKeys(methods);
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    defineProperty(methods[name], "name", { __proto__: null, value: name, configurable: true });
    defineProperty(console, name, visible(methods[name]));
  }
  defineProperty(console, symbolToStringTag, { __proto__: null, value: "console", configurable: true });
}

/** Tells the host of an exception that no Worker code will see. */
function reportError(error) {
  requireArguments(arguments.length, 1, "reportError");
  if (hooks.uncaught !== null) hooks.uncaught(error);
  else postLog("error", "Uncaught " + formatLog([error]));
}

/** V8 gives a bare context none. */
function queueMicrotask(callback) {
  requireArguments(arguments.length, 1, "queueMicrotask");
  if (typeof callback !== "function") throw new TypeError("queueMicrotask: the callback is not a function.");
  inMicrotask(() => {
    try {
      reflectApply(callback, undefined, []);
    } catch (error) {
      reportError(error);
    }
  });
}
