// Evaluating the streams library calls built-ins by their names. Where Worker code has replaced one, it would be called by
// it, and what it handed back would be used ever after; so then there are no streams.

const requireBuiltIn = (holder, name, builtIn) => {
  const descriptor = getOwnPropertyDescriptor(holder, name);
  if (descriptor === undefined || ownField(descriptor, "value") !== builtIn)
    throw new TypeError(`Streams cannot be used for the first time when a built-in, ${name}(), has been replaced.`);
};
requireBuiltIn(Object, "defineProperty", defineProperty);
requireBuiltIn(Object, "defineProperties", builtIns.defineProperties);
requireBuiltIn(Object, "create", builtIns.create);
requireBuiltIn(Object, "setPrototypeOf", setPrototypeOf);
requireBuiltIn(FunctionPrototype, "bind", builtIns.bind);
requireBuiltIn(FunctionPrototype, "call", builtIns.call);
requireBuiltIn(Promise, "resolve", builtIns.resolve);
requireBuiltIn(Promise, "reject", builtIns.reject);
requireBuiltIn(Promise.prototype, "then", originalThen);
requireBuiltIn(Number, "isFinite", numberIsFinite);
requireBuiltIn(Math, "trunc", mathTrunc);
{
  const members = ["get", "set", "value", "writable", "enumerable", "configurable"];
  for (let index = 0; index < members.length; index += 1) {
    if (members[index] in ObjectPrototype)
      throw new TypeError(`Streams cannot be used for the first time when Object.prototype has "${members[index]}".`);
  }
}
