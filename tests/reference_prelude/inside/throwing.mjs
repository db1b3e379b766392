// Replaces every method of the built-ins by one that only throws.

const { defineProperty, getOwnPropertyDescriptor, ownKeys } = Reflect;
const throwing = {
  __proto__: null,
  configurable: true,
  value() {
    throw new Error("patched");
  },
};
const kinds = [Array, Map, Set, String, Promise, Function, RegExp, WeakMap, Number, Date, ArrayBuffer];
kinds[kinds.length] = Object.getPrototypeOf(Uint8Array);
const statics = ["keys", "entries", "assign", "create", "freeze", "getPrototypeOf", "hasOwn"];

for (let kind = 0; kind < kinds.length; kind += 1) {
  const { prototype } = kinds[kind];
  const names = ownKeys(prototype);
  for (let index = 0; index < names.length; index += 1) {
    const { configurable, value } = getOwnPropertyDescriptor(prototype, names[index]);
    const isMethod = configurable && typeof value === "function" && names[index] !== "constructor";
    if (isMethod) defineProperty(prototype, names[index], throwing);
  }
}
for (let index = 0; index < statics.length; index += 1) defineProperty(Object, statics[index], throwing);
defineProperty(JSON, "stringify", throwing);
defineProperty(JSON, "parse", throwing);
