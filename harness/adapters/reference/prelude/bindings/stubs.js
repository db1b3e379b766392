// What stands for something in another isolate: every name that it does not have itself is a method over there.

const bindingToken = {};

/** Bindings are made by the platform alone. */
function requireBindingToken(token) {
  if (token !== bindingToken) throw new TypeError("Illegal constructor");
}

/** What the language looks for on any object: a stub must not seem to be a promise, nor to have a JSON form. */
const notRemote = { __proto__: null, then: true, catch: true, finally: true, toJSON: true };

/**
 * A prototype to put behind that of a stub class. It stands behind and not in front, so that a stub is a plain object
 * with nothing to see, and its own methods are found without it.
 * @param {(stub: object, name: string, args: any[]) => Promise<unknown>} call
 */
const remoteMethods = (call) =>
  new Proxy(
    {},
    {
      __proto__: null,
      get(target, name, stub) {
        if (typeof name === "symbol" || notRemote[name] || reflectHas(target, name))
          return reflectGet(target, name, stub);
        return (...args) => call(stub, name, args);
      },
    },
  );

/**
 * A call of a method over there.
 * @param {string} handle
 * @param {string} before the host call's arguments before the method's name, as JSON; each with a comma behind it
 * @param {string} method
 * @param {any[]} args
 */
function callRemote(handle, before, method, args) {
  try {
    const callText = `${before}${quote(method)},${codedText(args, rpcOptions)}`;
    return callHost(`${method}() of a binding`, handle, "rpc", callText, null, decodedAnswer);
  } catch (error) {
    return promiseReject(error);
  }
}

const decodedAnswer = (text) => decoded(jsonParse(text));

const noConnect = () => {
  throw new TypeError("connect() of a binding is not supported by this runtime.");
};

structuredExtensions[structuredExtensions.length] = {
  __proto__: null,
  name: "rpc",
  test: (value) => typeof value === "function" || isPrototypeOf(RpcTarget.prototype, value),
  encode: (value) => {
    const what = typeof value === "function" ? "A function" : "An RpcTarget";
    throw new DOMException(
      `${what} could not be cloned: passing one is not supported by this runtime.`,
      "DataCloneError",
    );
  },
};
