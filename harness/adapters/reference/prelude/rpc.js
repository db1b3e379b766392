// What cloudflare:workers has: classes that Workers extend, and their methods.

/** Gives an instance its `ctx` and `env`, whatever setters its class has. */
function equip(instance, ctx, env) {
  defineProperty(instance, "ctx", {
    __proto__: null,
    value: ctx,
    writable: true,
    enumerable: false,
    configurable: true,
  });
  defineProperty(instance, "env", {
    __proto__: null,
    value: env,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

class WorkerEntrypoint {
  constructor(ctx, env) {
    equip(this, ctx, env);
  }
}

class DurableObject {
  constructor(ctx, env) {
    equip(this, ctx, env);
  }
}

class RpcTarget {}

/** What `cloudflare:workers` exports. */
const workersModule = {
  DurableObject,
  RpcTarget,
  WorkerEntrypoint,
  env,
  waitUntil(promise) {
    keepOpen(requireRequest("waitUntil()"), promise);
  },
};

/**
 * No names for methods that may be called by RPC.
 * https://developers.cloudflare.com/workers/runtime-apis/rpc/reserved-methods/
 */
const reservedNames = {
  __proto__: null,
  alarm: true,
  connect: true,
  constructor: true,
  dup: true,
  fetch: true,
  webSocketClose: true,
  webSocketError: true,
  webSocketMessage: true,
};

/**
 * A method of a class or of those that it extends, short of the platform's own; null when there is none.
 * @param {object | null} prototype
 * @param {string} name
 */
function methodOf(prototype, name) {
  for (let owner = prototype; owner !== null && owner !== ObjectPrototype; owner = getPrototypeOf(owner)) {
    if (owner === WorkerEntrypoint.prototype || owner === DurableObject.prototype || owner === RpcTarget.prototype)
      return null;
    const descriptor = getOwnPropertyDescriptor(owner, name);
    if (descriptor === undefined) continue;
    const method = ownField(descriptor, "value");
    return typeof method === "function" ? method : null;
  }
  return null;
}

/**
 * Calls a method of an instance by RPC.
 * @param {object} receiver
 * @param {string} name
 * @param {any[]} args
 * @throws {TypeError} for what is no method of its class
 */
function callMethod(receiver, name, args) {
  const method = reservedNames[name] ? null : methodOf(getPrototypeOf(receiver), name);
  if (method === null) throw new TypeError(`The RPC receiver does not implement the method ${quote(name)}.`);
  return reflectApply(method, receiver, args);
}
