// Evaluating the streams library calls built-ins by their names. Where Worker code has replaced one, it would be called by
// it, and what it handed back would be used ever after; so then there are no streams.

const requireBuiltIn = (holder, name, builtIn) => {
  const descriptor = getOwnPropertyDescriptor(holder, name);
  if (descriptor === undefined || ownField(descriptor, "value") !== builtIn)
    throw new TypeError(`Streams cannot be used for the first time when a built-in, ${name}(), has been replaced.`);
};
requireBuiltIn(Object, "defineProperty", defineProperty);
requireBuiltIn(Object, "defineProperties", builtInsOfStreams.defineProperties);
requireBuiltIn(Object, "create", builtInsOfStreams.create);
requireBuiltIn(Object, "setPrototypeOf", setPrototypeOf);
requireBuiltIn(FunctionPrototype, "bind", builtInsOfStreams.bind);
requireBuiltIn(FunctionPrototype, "call", builtInsOfStreams.call);
requireBuiltIn(Promise, "resolve", builtInsOfStreams.resolve);
requireBuiltIn(Promise, "reject", builtInsOfStreams.reject);
requireBuiltIn(Promise.prototype, "then", builtInsOfStreams.then);
requireBuiltIn(Number, "isFinite", numberIsFinite);
requireBuiltIn(Math, "trunc", mathTrunc);
{
  const members = ["get", "set", "value", "writable", "enumerable", "configurable"];
  for (let index = 0; index < members.length; index += 1) {
    if (members[index] in ObjectPrototype)
      throw new TypeError(`Streams cannot be used for the first time when Object.prototype has "${members[index]}".`);
  }
}
