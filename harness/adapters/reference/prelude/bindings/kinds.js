// Which kinds of bindings there are.

/** What a binding of each kind is. @type {Record<string, (binding: {handle: string, key: string | null}) => object>} */
const bindingKinds = {
  __proto__: null,
  service: ({ handle }) => new Fetcher(bindingToken, handle),
  kv: ({ handle }) => new KvNamespace(bindingToken, handle),
  d1: ({ handle }) => new D1Database(bindingToken, handle),
  "durable-objects": ({ handle, key }) => new DurableObjectNamespace(bindingToken, handle, key),
};

/** @throws {TypeError} for one of no known kind */
function makeBinding(binding) {
  const make = bindingKinds[binding.kind];
  if (make === undefined)
    throw new TypeError(`The binding ${quote(binding.name)} is of no known kind: ${quote(binding.kind)}.`);
  return make(binding);
}
