// Code from strings is disallowed, as in Workers. isolated-vm has no switch for it, so every way there is closed here:
// eval, and the constructors of the four kinds of functions, which are reachable by their prototypes too. There is one
// realm and no other intrinsic makes code from strings.

const disallowed = () => new EvalError("Code generation from strings disallowed for this context");
{
  const { eval: refuseEval } = {
    eval(code) {
      if (typeof code !== "string") return code; // as the standard has it: nothing is evaluated
      throw disallowed();
    },
  };
  defineProperty(globalThis, "eval", hidden(refuseEval));
  const kinds = [function () {}, function* () {}, async function () {}, async function* () {}];
  let parent = FunctionPrototype;
  for (const kind of kinds) {
    const prototype = getPrototypeOf(kind);
    const original = prototype.constructor;
    const constructor = function () {
      throw disallowed();
    };
    setPrototypeOf(constructor, parent);
    defineProperty(constructor, "name", { value: original.name, configurable: true });
    defineProperty(constructor, "length", { value: 1, configurable: true });
    defineProperty(constructor, "prototype", { value: prototype, writable: false });
    defineProperty(prototype, "constructor", { value: constructor });
    if (kind === kinds[0]) {
      parent = constructor;
      defineProperty(globalThis, "Function", hidden(constructor));
    }
  }
}
