// env: a plain object with exactly the Worker's variables and bindings. One kind of binding is one file in bindings/.

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
    setOwn(env, binding.name, makeBinding(binding));
  }
}
