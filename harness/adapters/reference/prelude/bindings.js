// env: a plain object with exactly the Worker's variables and bindings. One kind of binding is one file in bindings/.

/** What a binding of each kind is. @type {Record<string, (binding: {handle: string, key: string | null}) => object>} */
const bindingKinds = {
  __proto__: null,
  service: ({ handle }) => new Fetcher(bindingToken, handle),
  kv: ({ handle }) => new KvNamespace(bindingToken, handle),
  d1: ({ handle }) => new D1Database(bindingToken, handle),
  "durable-objects": ({ handle, key }) => new DurableObjectNamespace(bindingToken, handle, key),
};

/**
 * @param {{
 *   vars: Record<string, any>, bindings: {name: string, kind: string, handle: string, key?: string | null}[],
 * }} config
 */
function fillEnv({ vars, bindings }) {
  const names = objectKeys(vars);
  for (let index = 0; index < names.length; index += 1) setOwn(env, names[index], vars[names[index]]);
  for (let index = 0; index < bindings.length; index += 1) {
    const binding = bindings[index];
    const make = bindingKinds[binding.kind];
    if (make === undefined)
      throw new TypeError(`The binding ${quote(binding.name)} is of no known kind: ${quote(binding.kind)}.`);
    setOwn(env, binding.name, make(binding));
  }
}
