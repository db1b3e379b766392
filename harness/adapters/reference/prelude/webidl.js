// What Web IDL asks of every interface: argument conversion, the attributes of members, pair iterators.

/** @throws {TypeError} as Web IDL does for a call with too few arguments */
const requireArguments = (given, needed, where) => {
  if (given < needed) throw new TypeError(`${where}: expected ${needed} arguments or more, saw ${given}.`);
};

/** USVString: a lone surrogate becomes U+FFFD; a symbol throws. */
const toUSVString = (value) => stringToWellFormed(typeof value === "string" ? value : `${value}`);

/** `any object`, as Web IDL's dictionaries and unions ask. */
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

/** @throws {TypeError} when a dictionary argument is neither an object nor undefined nor null */
const requireDictionary = (value, where) => {
  if (value === undefined || value === null) return { __proto__: null };
  if (!isObject(value)) throw new TypeError(`${where}: the options are not an object.`);
  return value;
};

/** Prototypes of all classes made here, so that structured cloning can tell their objects from the Worker's own. */
const platformPrototypes = new Set();

const showMembers = (target) => {
  const keys = ownKeys(target);
  for (let index = 0; index < keys.length; index += 1) {
    const key = keys[index];
    const descriptor = getOwnPropertyDescriptor(target, key);
    const isMember = ownField(descriptor, "get") !== undefined || typeof ownField(descriptor, "value") === "function";
    if (!isMember || typeof key !== "string" || key === "constructor") continue;
    defineProperty(target, key, { __proto__: null, enumerable: true });
  }
};

/** Members enumerable, Symbol.toStringTag set: what a class written in JavaScript lacks to look like an interface. */
const webInterface = (Interface, name = Interface.name) => {
  const { prototype } = Interface;
  showMembers(Interface);
  showMembers(prototype);
  const tag = { __proto__: null, value: name, writable: false, enumerable: false, configurable: true };
  defineProperty(prototype, symbolToStringTag, tag);
  setAdd(platformPrototypes, prototype);
  return Interface;
};

/** Puts a name on the global object with the attributes Web IDL gives it; takes the place of what is there. */
const publish = (names) => {
  const keys = objectKeys(names);
  for (let index = 0; index < keys.length; index += 1) defineProperty(globalThis, keys[index], hidden(names[keys[index]]));
};
